using System.Globalization;
using Codec.Core.Bitstream.Prediction;

namespace Codec.Core.Bitstream;

/// <summary>What a file says of itself before its first block (FORMAT.md, "Header").</summary>
public sealed record CodecFileHeader
{
    /// <summary>Most symbols in one block: what a reader may be asked to allocate before it has decoded anything.</summary>
    public const int LargestBlock = 1 << 18;

    /// <summary>Bytes of the weight hash that a file carries.</summary>
    public const int HashBytes = 4;

    /// <summary>The codec's number in the catalogue; 0 = not said.</summary>
    public int CatalogueId { get; init; }

    /// <summary>First <see cref="HashBytes"/> bytes of the SHA-256 of the weights, big end first; 0 = not said.</summary>
    public uint WeightHash { get; init; }

    /// <summary>Books that the file holds, coarse first.</summary>
    public required IReadOnlyList<CodebookSpec> Books { get; init; }

    /// <summary>Hz of the codec. Base frames per second = SampleRate / HopLength.</summary>
    public required int SampleRate { get; init; }

    /// <summary>Samples per base frame at <see cref="SampleRate"/>.</summary>
    public required int HopLength { get; init; }

    /// <summary>Hz of the audio that was compressed; equal to <see cref="SampleRate"/> where nothing was resampled.</summary>
    public required int OriginalRate { get; init; }

    /// <summary>Channels of the audio that was compressed.</summary>
    public int Channels { get; init; } = 1;

    /// <summary>Independent code streams (the batch of the codes): one per channel, or one per group that the codec codes together.</summary>
    public int Streams { get; init; } = 1;

    /// <summary>Base frames per block; all but the last block hold as many. A multiple of every stride.</summary>
    public required int BlockFrames { get; init; }

    /// <summary>Samples per channel at <see cref="OriginalRate"/>; null where they were not known yet: the trailer says then.</summary>
    public long? Samples { get; init; }

    /// <summary>How the codes are predicted.</summary>
    public Predictor Predictor { get; init; }

    /// <summary>Identifies the tables that the predictor was trained to; 0 where it starts from nothing.</summary>
    public uint Prior { get; init; }

    /// <summary>True: every book of a block ends on a byte of its own, so that books can be cut off without decoding any.
    /// False: one code for all books, which is a little smaller.</summary>
    public bool Layered { get; init; }

    /// <summary>JSON object with title, artist, date...; empty for none.</summary>
    public string Tags { get; init; } = "";

    /// <summary>Base frames per second.</summary>
    public double FrameRate => (double)SampleRate / HopLength;

    /// <summary>Symbols of one stream in <paramref name="frames"/> base frames.</summary>
    public long Symbols(int frames) => Books.Sum(book => ((long)frames + book.Stride - 1) / book.Stride);

    /// <summary>The most that stays within a rate before entropy coding, in all streams; at least one book. Rates between whole books
    /// need tables that know nested ones.</summary>
    public BookSelection SelectionWithin(double bitsPerSecond)
        => BookSelection.Of(Books, EntropyPriors.Find(Prior))
            .LastOrDefault(selection => selection.BitsPerFrame(Books) * FrameRate * Streams <= bitsPerSecond * 1.001) ?? new BookSelection(1);

    /// <summary>The first <see cref="HashBytes"/> bytes of a hash in hex as in <see cref="CodecInfo.WeightHash"/>; 0 for an empty one.</summary>
    public static uint HashPrefix(string weightHash)
        => weightHash.Length == 0 ? 0 : uint.Parse(weightHash.AsSpan(0, 2 * HashBytes), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    /// <summary>A header for the output of a codec, with the predictor that saves most for blocks that stand alone.</summary>
    /// <param name="info">The codec.</param>
    /// <param name="catalogueId">Its number in the catalogue.</param>
    /// <param name="books">Books that are kept.</param>
    /// <param name="originalRate">Hz of the audio before it was resampled for the codec.</param>
    /// <param name="channels">Channels of the audio.</param>
    public static CodecFileHeader For(CodecInfo info, int catalogueId, int books, int originalRate, int channels)
    {
        if (LowbandBooks.Within(info.Books, books) < Math.Min(books, info.Books.Count))
            throw new ArgumentOutOfRangeException(nameof(books), books, $"expected at most {LowbandBooks.Before(info.Books)} or all: a low band is not cut");
        var specs = info.Books.Take(books).ToArray();
        return new CodecFileHeader
        {
            CatalogueId = catalogueId,
            WeightHash = HashPrefix(info.WeightHash),
            Books = specs,
            SampleRate = info.SampleRate,
            HopLength = info.HopLength,
            OriginalRate = originalRate,
            Channels = channels,
            Streams = (channels + info.Channels - 1) / info.Channels,
            BlockFrames = info.SegmentLength is { } segment ? (segment + info.HopLength - 1) / info.HopLength : DefaultBlockFrames(specs, info.FrameRate),
        }.WithBestPredictor(info);
    }

    /// <summary>About a second, as a multiple of all strides.</summary>
    public static int DefaultBlockFrames(IReadOnlyList<CodebookSpec> books, double frameRate)
    {
        var step = CommonStride(books);
        return checked((int)(step * Math.Max(1, Math.Round(frameRate / step))));
    }

    /// <summary>Frames rounded up to a multiple of all strides; as they are where the strides fit no block.</summary>
    internal static int WholeFrames(IReadOnlyList<CodebookSpec> books, int frames)
    {
        var step = CommonStride(books);
        return step <= LargestBlock ? (int)((frames + step - 1) / step * step) : frames;
    }

    /// <exception cref="ArgumentException">A value that cannot stand in a file.</exception>
    public CodecFileHeader Validate()
    {
        if (HeaderFormat.Problem(this) is { } problem)
            throw new ArgumentException(problem);
        return this;
    }

    internal static long CommonStride(IReadOnlyList<CodebookSpec> books)
    {
        long common = 1;
        foreach (var book in books)
        {
            long a = common, b = book.Stride;
            while (b != 0)
                (a, b) = (b, a % b);
            common = common / a * book.Stride;
            if (common > LargestBlock)
                return common;
        }
        return common;
    }
}
