using Codec.Core;
using Codec.Core.Bitstream;

namespace Codec.Tests.Core.Bitstream;

/// <summary>Small compressed files for tests.</summary>
internal static class TestFiles
{
    public static CodebookSpec[] Books(string name) => name switch
    {
        "speech" => [.. Enumerable.Repeat(new CodebookSpec(1024), 6)],
        "odd" => [new(1000), new(3), new(1), new(4375)],
        "strides" => [new(64, 4), new(256, 2), new(256)],
        _ => throw new ArgumentException(name),
    };

    public static CodecFileHeader Header(IReadOnlyList<CodebookSpec> books, int streams) => new()
    {
        Books = books,
        SampleRate = 16000,
        HopLength = 320,
        OriginalRate = 16000,
        Channels = streams,
        Streams = streams,
        BlockFrames = CodecFileHeader.DefaultBlockFrames(books, 50),
    };

    public static Codes Random(IReadOnlyList<CodebookSpec> books, int frames, int streams, int seed)
    {
        var random = new Random(seed);
        return new Codes(books, [.. books.Select(book => Enumerable.Range(0, streams).Select(_ =>
            Enumerable.Range(0, (frames + book.Stride - 1) / book.Stride).Select(_ => random.Next(book.Size)).ToArray()).ToArray())], frames);
    }

    public static byte[] Write(CodecFileHeader header, Codes codes, long samples, int? piece = null, int groupBlocks = 1)
    {
        using var stream = new MemoryStream();
        using var writer = new CodecFileWriter(stream, header, groupBlocks);
        for (var start = 0; start < codes.Frames; start += piece ?? codes.Frames)
            writer.Write(codes.Slice(start, Math.Min(piece ?? codes.Frames, codes.Frames - start)));
        writer.Finish(samples);
        return stream.ToArray();
    }

    public static Codes ReadCodes(CodecFileReader reader)
    {
        var blocks = reader.ReadAll().Select(block => block.Codes!).ToList();
        return blocks.Count > 0 ? Codes.Concat(blocks) : Random(reader.Header.Books, 0, reader.Header.Streams, seed: 0);
    }

    public static void AssertSame(Codes expected, Codes found)
    {
        Assert.Equal(expected.Frames, found.Frames);
        for (var book = 0; book < expected.Books; book++)
            for (var item = 0; item < expected.Batch; item++)
                Assert.Equal(expected[book, item].ToArray(), found[book, item].ToArray());
    }
}
