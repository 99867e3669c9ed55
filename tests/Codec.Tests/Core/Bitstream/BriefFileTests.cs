using Codec.Core;
using Codec.Core.Bitstream;

namespace Codec.Tests.Core.Bitstream;

/// <summary>Files of one block: one checksum around everything, nothing that others need.</summary>
public sealed class BriefFileTests
{
    private static readonly CodebookSpec[] Speech = [.. Enumerable.Repeat(new CodebookSpec(1024), 3)];
    private static readonly CodecFileHeader Small = TestFiles.Header([new(64), new(8)], 1);

    [Theory]
    [InlineData("speech", 1, 1, false, 1)]      // codebooks, frames, streams, layered, blocks
    [InlineData("speech", 50, 1, true, 1)]
    [InlineData("speech", 53, 1, false, 1)]
    [InlineData("speech", 75, 2, true, 1)]
    [InlineData("speech", 76, 1, false, 2)]
    [InlineData("odd", 60, 3, false, 1)]
    [InlineData("strides", 53, 1, true, 1)]
    [InlineData("strides", 72, 2, false, 1)]
    [InlineData("strides", 73, 2, false, 2)]
    public void Up_to_one_and_a_half_blocks_become_one(string books, int frames, int streams, bool layered, int blocks)
    {
        var header = TestFiles.Header(TestFiles.Books(books), streams) with { Layered = layered, OriginalRate = 44100, Tags = """{"title":"ü"}""" };
        var codes = TestFiles.Random(header.Books, frames, streams, seed: frames);
        var bytes = TestFiles.Write(header, codes, 882 * frames);
        foreach (var piece in new[] { 4, 24, 52 })
            Assert.Equal(bytes, TestFiles.Write(header, codes, 882 * frames, piece));
        using var reader = new CodecFileReader(new OneWayStream(bytes));
        var read = reader.ReadAll().ToList();
        Assert.Equal(blocks, read.Count);
        TestFiles.AssertSame(codes, Codes.Concat([.. read.Select(block => block.Codes!)]));
        Assert.Equal((882 * frames, 44100, header.Tags, false), (reader.Samples, reader.Header.OriginalRate, reader.Header.Tags, reader.Truncated));
        Assert.Empty(reader.Lost);
    }

    [Fact]
    public void A_block_that_would_grow_too_large_stays_as_it_is()
    {
        CodebookSpec[] books = [.. Enumerable.Repeat(new CodebookSpec(2), 64)];
        var header = TestFiles.Header(books, 1) with { BlockFrames = CodecFileHeader.LargestBlock / 64 };
        var codes = TestFiles.Random(books, header.BlockFrames + 1, 1, seed: 1);
        using var reader = new CodecFileReader(new MemoryStream(TestFiles.Write(header, codes, 1)));
        Assert.Equal([header.BlockFrames, 1], reader.ReadAll().Select(block => block.Frames));
    }

    [Fact]
    public void A_second_costs_few_bytes_more_than_its_codes()
    {
        var header = TestFiles.Header(Speech, 1) with { WeightHash = 0x12345678, CatalogueId = 1 };
        using var writer = new CodecFileWriter(new MemoryStream(), header);
        writer.Write(TestFiles.Random(Speech, 53, 1, seed: 1));
        writer.Finish(16000);
        Assert.InRange(writer.PayloadBytes, 53 * 30 / 8, 53 * 30 / 8 + 2);
        Assert.InRange(writer.Bytes - writer.PayloadBytes, 22, 23); // the name of a trained predictor's tables takes four more
    }

    [Fact]
    public void Seeking_comes_to_the_only_block()
    {
        var codes = TestFiles.Random(Small.Books, 60, 1, seed: 3);
        using var reader = new CodecFileReader(new MemoryStream(TestFiles.Write(Small, codes, 1)));
        foreach (var frame in new[] { 55, 0, 59 })
        {
            reader.Seek(frame);
            TestFiles.AssertSame(codes, reader.Read()!.Codes!);
            Assert.Null(reader.Read());
        }
        reader.Seek(60);
        Assert.Null(reader.Read());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Dropping_books_gives_the_file_of_fewer_books(bool layered)
    {
        var header = TestFiles.Header(TestFiles.Books("speech"), 1) with { Layered = layered };
        var codes = TestFiles.Random(header.Books, 53, 1, seed: 4);
        using var output = new MemoryStream();
        Transcoder.DropBooks(new MemoryStream(TestFiles.Write(header, codes, 16000)), output, 2);
        Assert.Equal(TestFiles.Write(header with { Books = [.. header.Books.Take(2)] }, codes.Take(2), 16000), output.ToArray());
    }

    [Fact]
    public void Damage_at_any_place_is_noticed()
    {
        var file = TestFiles.Write(Small with { Layered = true, Tags = "{}" }, TestFiles.Random(Small.Books, 60, 1, seed: 5), 60 * 320);
        for (var i = 0; i < file.Length; i++)
        {
            for (var bit = 0; bit < 8; bit++)
                AssertRefused([.. file[..i], (byte)(file[i] ^ 1 << bit), .. file[(i + 1)..]], $"bit {bit} of byte {i}");
            AssertRefused(file[..i], $"cut at {i}");
            AssertRefused([.. file[..i], 0, .. file[i..]], $"a byte inserted at {i}");
            foreach (var count in new[] { 1, 5 })
            {
                if (i + count <= file.Length)
                    AssertRefused([.. file[..i], .. file[(i + count)..]], $"{count} bytes deleted at {i}");
                if (i + 2 * count <= file.Length && !file.AsSpan(i, count).SequenceEqual(file.AsSpan(i + count, count)))
                    AssertRefused([.. file[..i], .. file[(i + count)..(i + 2 * count)], .. file[i..(i + count)], .. file[(i + 2 * count)..]], $"{count} and {count} bytes swapped at {i}");
            }
        }
        AssertRefused([.. file, 0], "a byte more");
        AssertRefused([.. file, .. new byte[1 << 16]], "many bytes more");
    }

    /// <summary>Files that were written before there were brief ones: one short block, and a block of 50 frames with one of 3.</summary>
    [Theory]
    [InlineData("43444301010000000000807dc0023200060c0406d00f2fd1e4ed0307080420c417cfc14e5e8d8f40cf", 1)]
    [InlineData("43444301000000000000807dc0023200060c0406ce445a7101390ca7c2cf2fda0fafd2ce27ea0ea7e2cd2ffa0daff2cc27ca0ca7c2cf2fda0fafd2ce27ea0ea0f19d50f19d50f19d50f19d50f19d50f19d50c0dfe228650b03047e2cf1802ee80bf343444345807d3502184979aa7e11000000", 2)]
    public void Earlier_files_still_decode(string hex, int blocks)
    {
        using var reader = new CodecFileReader(new MemoryStream(Convert.FromHexString(hex)));
        var read = reader.ReadAll().ToList();
        var codes = Codes.Concat([.. read.Select(block => block.Codes!)]);
        Assert.Equal(blocks, read.Count);
        Assert.Equal(blocks == 1 ? [1, 2, 3, 4, 5, 60, 63] : [.. Enumerable.Range(0, 53).Select(i => (7 * i * i + 3) % 64)], codes[0].ToArray());
        Assert.Equal(blocks == 1 ? [0, 1, 2, 3, 4, 5, 7] : [.. Enumerable.Range(0, 53).Select(i => 3 * i % 8)], codes[1].ToArray());
        Assert.Equal(blocks == 1 ? 2000 : 16000, reader.Samples);
        Assert.False(reader.Truncated);
    }

    private static void AssertRefused(byte[] file, string what)
    {
        try
        {
            _ = new CodecFileReader(new MemoryStream(file));
        }
        catch (BitstreamException)
        {
            return;
        }
        Assert.Fail(what);
    }

    private sealed class OneWayStream(byte[] bytes) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;

        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, 3));
    }
}
