using System.Text.Json;
using System.Text.Json.Serialization;
using Codec.Core.Bitstream;

namespace Codec.Core.Tokens;

/// <summary>The codes of one recording and what it takes to decode them; this is also the JSON of a token file.</summary>
public sealed record TokenizedAudio
{
    /// <summary>Where the codes come from.</summary>
    public required string Source { get; init; }

    /// <summary>Name of the codec.</summary>
    public string Model { get; init; } = "";

    /// <summary>Lower-case hex SHA-256 of the weights, or its first bytes; empty where unknown.</summary>
    public string Weights { get; init; } = "";

    /// <summary>The codec's number in the catalogue; 0 = none.</summary>
    public int CatalogueId { get; init; }

    /// <summary>The tables with which our files of these codes are written (<see cref="CodecFileHeader.Prior"/>); 0 = none.</summary>
    public uint Prior { get; init; }

    /// <summary>Hz of the codec.</summary>
    public required int CodecRate { get; init; }

    /// <summary>Samples per base frame at <see cref="CodecRate"/>.</summary>
    public required int HopLength { get; init; }

    /// <summary>Hz of the recording.</summary>
    public required int SampleRate { get; init; }

    /// <summary>Channels of the recording.</summary>
    public required int Channels { get; init; }

    /// <summary>Samples per channel of the recording.</summary>
    public required long Samples { get; init; }

    /// <summary>Base frames.</summary>
    public required int Frames { get; init; }

    /// <summary>Entries of each book, coarse first.</summary>
    public required IReadOnlyList<int> BookSizes { get; init; }

    /// <summary>Base frames per code of each book.</summary>
    public required IReadOnlyList<int> BookStrides { get; init; }

    /// <summary>Entries of the book whose clusters the last book's codes are (<see cref="CodebookSpec.NestedIn"/>); 0 where it is whole.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int NestedIn { get; init; }

    /// <summary>JSON object with title, artist, date...; empty for none.</summary>
    public string Tags { get; init; } = "";

    /// <summary>Independently coded segments in order (<see cref="CodeSegment"/>); null for codecs that code a signal as one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<CodeSegment>? Segments { get; init; }

    /// <summary>[book][stream][time]; a stream is a channel, or a group of channels that the codec codes together.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int[][][]? Codes { get; init; }

    internal static JsonSerializerOptions Json { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Codes of a recording, stacked by stream.</summary>
    public static TokenizedAudio Of(Codes codes, string source, int codecRate, int hopLength, int sampleRate, int channels, long samples) => new()
    {
        Source = source,
        CodecRate = codecRate,
        HopLength = hopLength,
        SampleRate = sampleRate,
        Channels = channels,
        Samples = samples,
        Frames = codes.Frames,
        BookSizes = [.. codes.Specs.Select(book => book.Size)],
        BookStrides = [.. codes.Specs.Select(book => book.Stride)],
        NestedIn = codes.Specs[^1].NestedIn,
        Segments = codes.Segments,
        Codes = [.. Enumerable.Range(0, codes.Books).Select(k => Enumerable.Range(0, codes.Batch).Select(b => codes[k, b].ToArray()).ToArray())],
    };

    /// <summary>The codes, checked against sizes and strides.</summary>
    /// <param name="file">For messages.</param>
    /// <exception cref="TokenFileException">They contradict each other.</exception>
    public Codes ToCodes(string file)
    {
        Check(file, CodecRate > 0 && HopLength > 0 && SampleRate > 0 && Channels > 0 && Samples >= 0 && Frames >= 0, "rates, channels and lengths must be positive");
        Check(file, BookSizes.Count > 0 && BookSizes.Count == BookStrides.Count, $"{BookSizes.Count} book sizes, {BookStrides.Count} strides");
        Check(file, BookSizes.All(size => size > 0) && BookStrides.All(stride => stride > 0), "book sizes and strides must be positive");
        Check(file, NestedIn == 0 || NestedIn > BookSizes[^1], $"a book of {BookSizes[^1]} nested in one of {NestedIn}");
        var most = ((double)Frames + 1) * HopLength / CodecRate * SampleRate + 1;
        Check(file, Samples <= most, $"{Samples} samples declared, {Frames} frames hold at most {most:0}");
        var codes = Codes ?? throw new TokenFileException(file, $"{Source}: no codes");
        Check(file, codes.Length == BookSizes.Count, $"{codes.Length} books of codes, {BookSizes.Count} declared");
        var streams = codes[0]?.Length ?? 0;
        for (var k = 0; k < codes.Length; k++)
        {
            var length = ((long)Frames + BookStrides[k] - 1) / BookStrides[k];
            Check(file, codes[k]?.Length == streams && streams > 0, $"book {k}: expected {streams} streams");
            foreach (var stream in codes[k])
            {
                Check(file, stream?.Length == length, $"book {k}: expected {length} codes, found {stream?.Length ?? 0}");
                Check(file, stream!.All(code => (uint)code < (uint)BookSizes[k]), $"book {k}: a code lies outside 0 to {BookSizes[k] - 1}");
            }
        }
        var result = new Codes([.. BookSizes.Zip(BookStrides, (size, stride) => new CodebookSpec(size, stride)).Select((book, k) => k + 1 == codes.Length ? book with { NestedIn = NestedIn } : book)], codes, Frames);
        if (Segments is null)
            return result;
        Check(file, Segments.All(segment => segment is { Frames: > 0, Scales: not null } && segment.Scales.Count == streams && segment.Scales.All(float.IsFinite))
            && Segments.Sum(segment => (long)segment.Frames) == Frames, $"segments: expected {Frames} frames with {streams} scales each");
        return result.WithSegments(Segments);
    }

    /// <summary>The first bytes of the hash of the weights, as file headers carry them; 0 where unknown.</summary>
    /// <param name="file">For messages.</param>
    /// <exception cref="TokenFileException">Not a hash.</exception>
    public uint WeightPrefix(string file)
    {
        Check(file, Weights.Length == 0 || (Weights.Length >= 2 * CodecFileHeader.HashBytes && Weights.All(char.IsAsciiHexDigit)),
            $"weights: expected a SHA-256 in hex, found {Weights}");
        return CodecFileHeader.HashPrefix(Weights);
    }

    private void Check(string file, bool condition, string problem)
    {
        if (!condition)
            throw new TokenFileException(file, $"{Source}: {problem}");
    }
}
