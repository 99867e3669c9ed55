using System.Buffers.Binary;
using System.Text;
using System.Text.Json;

namespace Codec.Core.Bitstream;

/// <summary>Bytes of the header (FORMAT.md, "Header").</summary>
internal static class HeaderFormat
{
    public const int MostTags = 1 << 20;

    private const int MostCounters = 1 << 20;

    /// <summary>Upper bound of the bytes of a header without tags.</summary>
    public const int MostFixed = 4096;

    private const int HasSamples = 1, HasTags = 2, HasLayers = 4, HasResampling = 8, HasChannels = 16, HasPrior = 32, HasNested = 64, IsBrief = 128;

    // Of brief files: common rates and hop lengths take one byte.
    private const int RateUnit = 1000, HopUnit = 32;

    public static ReadOnlySpan<byte> Magic => "CDC\u0001"u8;

    public static byte[] Write(CodecFileHeader header)
    {
        var bytes = new ByteWriter();
        WriteFields(bytes, header, null);
        bytes.UInt32(Crc32C.Compute(bytes.Written));
        return bytes.Written.ToArray();
    }

    /// <summary>All but the checksum.</summary>
    /// <param name="bytes">Receives the fields.</param>
    /// <param name="header">What they say.</param>
    /// <param name="brief">Frames of the only block of a brief file; null for other files.</param>
    public static void WriteFields(ByteWriter bytes, CodecFileHeader header, int? brief)
    {
        bytes.Bytes(Magic);
        bytes.Byte((byte)(Flags(header) | (brief is null ? 0 : IsBrief)));
        bytes.Varint((ulong)header.CatalogueId);
        for (var shift = 24; shift >= 0; shift -= 8)
            bytes.Byte((byte)(header.WeightHash >> shift));
        bytes.Varint(brief is null ? (ulong)header.SampleRate : InUnits(header.SampleRate, RateUnit));
        bytes.Varint(brief is null ? (ulong)header.HopLength : InUnits(header.HopLength, HopUnit));
        if (header.OriginalRate != header.SampleRate)
            bytes.Varint(brief is null ? (ulong)header.OriginalRate : InUnits(header.OriginalRate, RateUnit));
        if (header.Channels != 1 || header.Streams != 1)
        {
            bytes.Varint((ulong)header.Channels);
            bytes.Varint((ulong)header.Streams);
        }
        bytes.Varint((ulong)(brief ?? header.BlockFrames));
        bytes.Varint((ulong)header.Predictor);
        if (header.Prior != 0)
            bytes.UInt32(header.Prior);
        WriteBooks(bytes, header.Books);
        if (header.Books[^1].NestedIn != 0)
            bytes.Varint(Spelled(header.Books[^1].NestedIn));
        if (header.Samples is { } samples)
            bytes.Varint((ulong)samples);
        if (header.Tags.Length > 0)
        {
            var tags = Encoding.UTF8.GetBytes(header.Tags);
            bytes.Varint((ulong)tags.Length);
            bytes.Bytes(tags);
        }
    }

    /// <summary>The header's checksum: all later checksums start from it, so that a block fits only its own file.</summary>
    public static uint Seed(ReadOnlySpan<byte> header) => BinaryPrimitives.ReadUInt32LittleEndian(header[^4..]);

    /// <summary>Reads a header from where a file begins.</summary>
    /// <exception cref="BitstreamException">Not a header of this version, or a damaged one.</exception>
    /// <param name="source">Where a file begins; the header's bytes stay in its window.</param>
    /// <param name="length">Bytes of the header, with its checksum where it has one.</param>
    /// <param name="brief">Frames of the only block of a brief file, whose checksum comes at its end and was not looked at yet; null for other files.</param>
    public static CodecFileHeader Read(ByteSource source, out int length, out int? brief)
    {
        // Ask for little at a time: a pipe may hold no more than the header yet.
        for (var most = 16; ; most += Math.Max(1, most / 8))
        {
            var more = source.Ensure(most);
            try
            {
                return Parse(source.Window, out length, out brief);
            }
            catch (BitstreamException) when (more && most < MostFixed + MostTags && source.Window.StartsWith(Magic))
            {
            }
        }
    }

    private static CodecFileHeader Parse(ReadOnlySpan<byte> bytes, out int length, out int? brief)
    {
        var reader = new ByteReader(bytes);
        var magic = reader.Bytes(Math.Min(4, bytes.Length), "magic");
        if (!magic.SequenceEqual(Magic))
            throw new BitstreamException("magic", 0, "\"CDC\" and version 1", Convert.ToHexString(magic));
        var flags = reader.Byte("flags");
        if ((flags & IsBrief) != 0 && (flags & HasSamples) == 0)
            throw new BitstreamException("flags", 4, "the samples of a brief file", $"{flags}");
        var header = ParseFields(ref reader, flags, out brief);
        var covered = reader.Position;
        if (brief is null)
        {
            var checksum = reader.UInt32("header checksum");
            var expected = Crc32C.Compute(bytes[..covered]);
            if (checksum != expected)
                throw new BitstreamException("header checksum", covered, $"{expected:x8}", $"{checksum:x8}");
        }
        length = reader.Position;
        if (Problem(header) is { } problem)
            throw new BitstreamException("header", 0, "values that fit together", problem);
        var shortest = new ByteWriter();
        WriteFields(shortest, header, brief);
        if (!shortest.Written.SequenceEqual(bytes[..covered]))
            throw new BitstreamException("header", 0, "the shortest spelling", "another one");
        return header;
    }

    private static CodecFileHeader ParseFields(ref ByteReader reader, int flags, out int? brief)
    {
        var isBrief = (flags & IsBrief) != 0;
        var id = (int)reader.Varint("catalogue id", 0, int.MaxValue);
        uint hash = 0;
        foreach (var value in reader.Bytes(CodecFileHeader.HashBytes, "weight hash"))
            hash = hash << 8 | value;
        var rate = ParseRate(ref reader, "sample rate", isBrief ? RateUnit : 0);
        var hop = ParseRate(ref reader, "hop length", isBrief ? HopUnit : 0);
        var original = (flags & HasResampling) != 0 ? ParseRate(ref reader, "original rate", isBrief ? RateUnit : 0) : rate;
        var hasChannels = (flags & HasChannels) != 0;
        var channels = hasChannels ? (int)reader.Varint("channels", 1, 1024) : 1;
        var streams = hasChannels ? (int)reader.Varint("streams", 1, 1024) : 1;
        var blockFrames = (int)reader.Varint("block frames", 1, CodecFileHeader.LargestBlock);
        var predictor = (Predictor)reader.Varint("predictor", 0, 255);
        var prior = (flags & HasPrior) != 0 ? reader.UInt32("prior") : 0;
        var books = ParseBooks(ref reader);
        if ((flags & HasNested) != 0)
            books[^1] = books[^1] with { NestedIn = ParseSize(ref reader) };
        long? samples = (flags & HasSamples) != 0 ? (long)reader.Varint("samples", 0, long.MaxValue) : null;
        var tags = (flags & HasTags) != 0
            ? Encoding.UTF8.GetString(reader.Bytes((int)reader.Varint("tag bytes", 1, MostTags), "tags"))
            : "";
        brief = isBrief ? blockFrames : null;
        return new CodecFileHeader
        {
            CatalogueId = id,
            WeightHash = hash,
            Books = books,
            SampleRate = rate,
            HopLength = hop,
            OriginalRate = original,
            Channels = channels,
            Streams = streams,
            BlockFrames = isBrief ? CodecFileHeader.WholeFrames(books, blockFrames) : blockFrames,
            Samples = samples,
            Predictor = predictor,
            Prior = prior,
            Layered = (flags & HasLayers) != 0,
            Tags = tags,
        };
    }

    /// <summary>What keeps a header from being written; null if nothing does.</summary>
    public static string? Problem(CodecFileHeader header)
    {
        if (header.Books.Count is < 1 or > 256)
            return $"books: expected 1 to 256, found {header.Books.Count}";
        foreach (var book in header.Books)
        {
            if (book.Size is < 1 or > (int)RangeEncoder.LargestTotal)
                return $"codebook size: expected 1 to {RangeEncoder.LargestTotal}, found {book.Size}";
            if (book.Stride is < 1 or > CodecFileHeader.LargestBlock)
                return $"codebook stride: expected 1 to {CodecFileHeader.LargestBlock}, found {book.Stride}";
        }
        var last = header.Books[^1];
        if (header.Books.SkipLast(1).Any(book => book.NestedIn != 0) || last.NestedIn != 0 && (last.NestedIn <= last.Size || header.Prior == 0))
            return "nested book: expected the last one, smaller than the whole one, and tables that know it";
        if (header.SampleRate < 1 || header.HopLength < 1 || header.OriginalRate < 1 || header.CatalogueId < 0 || header.Samples < 0)
            return "rates, hop length, catalogue id or samples: expected positive numbers";
        if (header.Channels is < 1 or > 1024 || header.Streams is < 1 or > 1024)
            return $"channels and streams: expected 1 to 1024, found {header.Channels} and {header.Streams}";
        if (header.BlockFrames < 1 || header.BlockFrames % CodecFileHeader.CommonStride(header.Books) != 0)
            return $"block frames: expected a multiple of the strides, found {header.BlockFrames}";
        if (header.Symbols(header.BlockFrames) * header.Streams > CodecFileHeader.LargestBlock)
            return $"codes in a block: expected at most {CodecFileHeader.LargestBlock}, found {header.Symbols(header.BlockFrames) * header.Streams}";
        if (header.Predictor == Predictor.Adaptive && header.Books.Sum(book => (long)book.Size) * header.Streams > MostCounters)
            return $"codebook entries of all streams, which the adaptive predictor counts: expected at most {MostCounters}, found more";
        if (header.Predictor == Predictor.NeuralLowband && header.Layered)
            return "low band: expected one section a block, found a section for each book";
        return header.Tags.Length > 0 && !IsJsonObject(header.Tags) ? "tags: expected a JSON object" : null;
    }

    private static int Flags(CodecFileHeader header)
        => (header.Samples is null ? 0 : HasSamples)
        | (header.Tags.Length > 0 ? HasTags : 0)
        | (header.Layered ? HasLayers : 0)
        | (header.OriginalRate != header.SampleRate ? HasResampling : 0)
        | (header.Channels != 1 || header.Streams != 1 ? HasChannels : 0)
        | (header.Prior != 0 ? HasPrior : 0)
        | (header.Books[^1].NestedIn != 0 ? HasNested : 0);

    /// <summary>Runs of equal books: count, whether more runs follow and whether a stride follows in one number, then the size.</summary>
    private static void WriteBooks(ByteWriter bytes, IReadOnlyList<CodebookSpec> books)
    {
        for (var start = 0; start < books.Count;)
        {
            var count = 1;
            while (start + count < books.Count && books[start + count] == books[start])
                count++;
            var (size, stride, _) = books[start];
            start += count;
            bytes.Varint((ulong)count << 2 | (start < books.Count ? 2u : 0) | (stride != 1 ? 1u : 0));
            bytes.Varint(Spelled(size));
            if (stride != 1)
                bytes.Varint((ulong)stride);
        }
    }

    private static ulong Spelled(int size) => int.IsPow2(size) ? (ulong)int.Log2(size) << 1 : (ulong)size << 1 | 1;

    private static int ParseSize(ref ByteReader reader)
    {
        var size = reader.Varint("codebook size", 0, 2UL * int.MaxValue);
        return (size & 1) != 0 ? (int)(size >> 1) : size >> 1 < 31 ? 1 << (int)(size >> 1) : 0;
    }

    private static ulong InUnits(int value, int unit) => value % unit == 0 ? (ulong)(value / unit) << 1 : (ulong)value << 1 | 1;

    private static int ParseRate(ref ByteReader reader, string field, int unit)
    {
        if (unit == 0)
            return (int)reader.Varint(field, 1, int.MaxValue);
        var value = reader.Varint(field, 1, 2UL * int.MaxValue + 1);
        var rate = (value & 1) != 0 ? value >> 1 : (value >> 1) * (ulong)unit;
        return rate is > 0 and <= int.MaxValue ? (int)rate : throw new BitstreamException(field, reader.Position, $"1 to {int.MaxValue}", $"{rate}");
    }

    private static CodebookSpec[] ParseBooks(ref ByteReader reader)
    {
        var books = new List<CodebookSpec>();
        for (var more = true; more;)
        {
            var run = reader.Varint("codebook count", 4, 4 * 256 + 3);
            more = (run & 2) != 0;
            var entries = ParseSize(ref reader);
            var stride = (run & 1) != 0 ? (int)reader.Varint("codebook stride", 1, CodecFileHeader.LargestBlock) : 1;
            for (var i = (int)(run >> 2); i > 0; i--)
                books.Add(new CodebookSpec(entries, stride));
            if (books.Count > 256)
                throw new BitstreamException("codebooks", reader.Position, "at most 256", $"{books.Count}");
        }
        return [.. books];
    }

    private static bool IsJsonObject(string text)
    {
        if (text.Length > MostTags / 3)
            return false;
        try
        {
            using var document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 16 });
            return document.RootElement.ValueKind == JsonValueKind.Object;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
