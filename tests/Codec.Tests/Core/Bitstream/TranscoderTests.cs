using Codec.Core.Bitstream;

namespace Codec.Tests.Core.Bitstream;

public sealed class TranscoderTests
{
    [Theory]
    [InlineData("speech", 2, false, 1)]     // codebooks, books that are kept, layered, blocks in a group
    [InlineData("speech", 5, true, 1)]
    [InlineData("speech", 6, true, 3)]
    [InlineData("strides", 1, false, 4)]
    [InlineData("strides", 2, true, 1)]
    public void Dropping_books_gives_the_file_of_fewer_books(string books, int kept, bool layered, int groupBlocks)
    {
        var header = TestFiles.Header(TestFiles.Books(books), 2) with { Layered = layered, Tags = """{"a":1}""" };
        var codes = TestFiles.Random(header.Books, 333, 2, seed: kept);
        var direct = TestFiles.Write(header with { Books = [.. header.Books.Take(kept)] }, codes.Take(kept), 1000, groupBlocks: groupBlocks);
        Assert.Equal(direct, Drop(TestFiles.Write(header, codes, 1000, groupBlocks: groupBlocks), kept));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Lost_blocks_stay_lost(bool layered)
    {
        var header = TestFiles.Header(TestFiles.Books("speech"), 1) with { Layered = layered };
        var bytes = TestFiles.Write(header, TestFiles.Random(header.Books, 333, 1, seed: 1), 1000);
        bytes[1000] ^= 4;
        using var reader = new CodecFileReader(new MemoryStream(Drop(bytes, 3)));
        Assert.Equal([2], reader.ReadAll().Where(b => b.Lost).Select(b => b.Index));
        Assert.Equal(1000, reader.Samples);
    }

    [Theory]
    [InlineData(0.1, 1)]
    [InlineData(0.5, 1)]
    [InlineData(1.5, 3)]
    [InlineData(2.99, 5)]
    [InlineData(99, 6)]
    public void A_rate_says_how_many_books_stay(double kbps, int books)
        => Assert.Equal(books, TestFiles.Header(TestFiles.Books("speech"), 1).SelectionWithin(kbps * 1000).Books);

    private static byte[] Drop(byte[] file, int books)
    {
        using var output = new MemoryStream();
        Transcoder.DropBooks(new MemoryStream(file), output, books);
        return output.ToArray();
    }
}
