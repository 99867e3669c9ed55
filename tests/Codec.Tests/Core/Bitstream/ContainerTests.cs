using Codec.Core;
using Codec.Core.Bitstream;

namespace Codec.Tests.Core.Bitstream;

public sealed class ContainerTests
{
    private static readonly CodebookSpec[] Speech = [.. Enumerable.Repeat(new CodebookSpec(1024), 6)];

    [Theory]
    [InlineData("speech", 0, 1, false)]     // codebooks, frames, streams, layered
    [InlineData("speech", 1, 1, false)]
    [InlineData("speech", 50, 1, true)]
    [InlineData("speech", 51, 1, false)]
    [InlineData("speech", 1234, 2, true)]
    [InlineData("odd", 333, 3, false)]
    [InlineData("strides", 161, 1, true)]
    [InlineData("strides", 161, 2, false)]
    public void Codes_come_back_whatever_the_pieces(string books, int frames, int streams, bool layered)
    {
        var header = TestFiles.Header(TestFiles.Books(books), streams) with { Layered = layered };
        var codes = TestFiles.Random(header.Books, frames, streams, seed: frames);
        var bytes = TestFiles.Write(header, codes, frames * 320L);
        foreach (var piece in new[] { 4, 24, 52 })
            Assert.Equal(bytes, TestFiles.Write(header, codes, frames * 320L, piece));
        using var reader = new CodecFileReader(new MemoryStream(bytes));
        TestFiles.AssertSame(codes, TestFiles.ReadCodes(reader));
        Assert.Equal(frames * 320L, reader.Samples);
        Assert.Empty(reader.Lost);
        Assert.False(reader.Truncated);
        Assert.Equal(0, reader.SkippedBytes);
    }

    [Fact]
    public void Every_field_of_the_header_comes_back()
    {
        var header = new CodecFileHeader
        {
            CatalogueId = 300,
            WeightHash = CodecFileHeader.HashPrefix("00ff12345678"),
            Books = [new(64, 4), new(64, 4), new(1000, 2), new(4096)],
            SampleRate = 24000,
            HopLength = 320,
            OriginalRate = 44100,
            Channels = 6,
            Streams = 3,
            BlockFrames = 76,
            Samples = 1L << 40,
            Layered = true,
            Tags = """{"title":"ü"}""",
        };
        using var stream = new MemoryStream();
        using (var writer = new CodecFileWriter(stream, header, leaveOpen: true))
            writer.Finish(1L << 40);
        stream.Position = 0;
        var read = new CodecFileReader(stream).Header;
        Assert.Equal(header with { Books = read.Books }, read);
        Assert.Equal(header.Books, read.Books);
        Assert.Equal(0x00ff1234u, read.WeightHash);
    }

    [Fact]
    public void Small_clips_and_long_files_keep_the_promised_size()
    {
        var clip = TestFiles.Header(Speech[..3], 1) with { WeightHash = 0x12345678, CatalogueId = 1 };
        var bytes = TestFiles.Write(clip, TestFiles.Random(clip.Books, 50, 1, seed: 1), 16000);
        Assert.InRange(bytes.Length, 0, 1500 / 8 * 1.2);

        var header = TestFiles.Header(Speech, 1);
        using var writer = new CodecFileWriter(new MemoryStream(), header);
        writer.Write(TestFiles.Random(header.Books, 50 * 600, 1, seed: 2));
        writer.Finish(600 * 16000);
        Assert.Equal(600, writer.Blocks);
        Assert.InRange(writer.Bytes, 600 * 375, 600 * (375 * 1.01 + 8));
        Assert.InRange(HeaderBytes(header with { Samples = 1 << 24 }), 0, 40);
    }

    [Fact]
    public void A_block_can_be_decoded_as_soon_as_its_bytes_are_there()
    {
        var header = TestFiles.Header(Speech, 1);
        var codes = TestFiles.Random(header.Books, 120, 1, seed: 3);
        var bytes = TestFiles.Write(header, codes, 120 * 320);
        using var pipe = new StarvedStream(bytes);
        using var reader = new CodecFileReader(pipe);
        Assert.InRange(pipe.Asked, 0, 60);
        for (var i = 0; i < 3; i++)
            Assert.Equal(codes.Slice(50 * i, i < 2 ? 50 : 20)[5].ToArray(), reader.Read()!.Codes![5].ToArray());
        Assert.Null(reader.Read());
        Assert.Equal(120 * 320, reader.Samples);
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(5, false)]
    [InlineData(64, false)]
    [InlineData(5, true)]
    public void Seeking_finds_the_block_of_a_frame_with_and_without_table(int groupBlocks, bool cutTrailer)
    {
        var header = TestFiles.Header(Speech[..2], 1);
        var codes = TestFiles.Random(header.Books, 50 * 70 + 7, 1, seed: 4);
        var bytes = TestFiles.Write(header, codes, 1, groupBlocks: groupBlocks);
        using var reader = new CodecFileReader(new MemoryStream(cutTrailer ? bytes[..^5] : bytes));
        foreach (var frame in new[] { 3501, 0, 49, 50, 1650, 3499 })
        {
            reader.Seek(frame);
            var block = reader.Read()!;
            Assert.InRange(frame, block.StartFrame, block.StartFrame + block.Frames - 1);
            Assert.Equal(codes.Slice((int)block.StartFrame, block.Frames)[1].ToArray(), block.Codes![1].ToArray());
        }
        reader.Seek(1 << 20);
        Assert.Null(reader.Read());
    }

    [Fact]
    public void Seeking_in_a_long_file_touches_little_of_it()
    {
        var header = TestFiles.Header(Speech[..1], 1);
        var bytes = TestFiles.Write(header, TestFiles.Random(header.Books, 50 * 5000, 1, seed: 5), 1);
        using var pipe = new StarvedStream(bytes) { Step = 4096 };
        using var reader = new CodecFileReader(pipe);
        reader.Seek(50 * 4000);
        Assert.Equal(50 * 4000, reader.Read()!.StartFrame);
        Assert.InRange(pipe.Asked, 0, bytes.Length / 10);
    }

    [Fact]
    public void Side_data_comes_back_with_its_block()
    {
        var header = TestFiles.Header(Speech[..1], 1);
        using var stream = new MemoryStream();
        using (var writer = new CodecFileWriter(stream, header, leaveOpen: true))
        {
            for (var i = 0; i < 3; i++)
                writer.WriteBlock(TestFiles.Random(header.Books, i < 2 ? 50 : 9, 1, seed: i), Enumerable.Repeat((byte)i, 3 * i).ToArray());
            writer.Finish(7);
        }
        stream.Position = 0;
        using var reader = new CodecFileReader(stream);
        Assert.Equal([0, 3, 6], reader.ReadAll().Select(b => b.SideData.Length));
    }

    [Fact]
    public void Misuse_is_refused()
    {
        var header = TestFiles.Header(Speech, 1);
        Assert.Throws<ArgumentException>(() => new CodecFileWriter(new MemoryStream(), header with { Tags = "[]" }));
        Assert.Throws<ArgumentException>(() => new CodecFileWriter(new MemoryStream(), header with { BlockFrames = 1 << 17 }));
        var writer = new CodecFileWriter(new MemoryStream(), header);
        Assert.Throws<ArgumentException>(() => writer.Write(TestFiles.Random(header.Books, 4, 2, seed: 1)));
        writer.Write(TestFiles.Random(header.Books, 4, 1, seed: 1));
        Assert.Throws<InvalidOperationException>(() => writer.WriteBlock(TestFiles.Random(header.Books, 50, 1, seed: 1), new byte[1]));
    }

    private static long HeaderBytes(CodecFileHeader header)
    {
        using var writer = new CodecFileWriter(new MemoryStream(), header);
        writer.Finish(header.Samples ?? 0);
        return writer.Bytes;
    }

    /// <summary>Gives few bytes a call and counts them.</summary>
    private sealed class StarvedStream(byte[] bytes) : MemoryStream(bytes)
    {
        public int Step { get; init; } = 1;

        public long Asked { get; private set; }

        public override int Read(byte[] buffer, int offset, int count)
        {
            var read = base.Read(buffer, offset, Math.Min(Step, count));
            Asked += read;
            return read;
        }
    }
}
