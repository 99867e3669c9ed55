using Codec.Core;
using Codec.Core.Bitstream;

namespace Codec.Tests.Core.Bitstream;

/// <summary>Every position of a small file is hurt in every way: only the blocks that are hurt may go.</summary>
public sealed class DamageTests
{
    private const int Blocks = 6;

    private static readonly CodecFileHeader Header = TestFiles.Header([new(64), new(8)], 1) with { BlockFrames = 20, Samples = 20 * Blocks * 320 };
    private static readonly Codes Whole = TestFiles.Random(Header.Books, 20 * Blocks, 1, seed: 8);
    private static readonly byte[] File = TestFiles.Write(Header, Whole, 20 * Blocks * 320);
    private static readonly int[] Starts = BlockStarts();

    [Fact]
    public void A_flipped_bit_costs_one_block()
    {
        for (var i = 0; i < File.Length; i++)
            for (var bit = 0; bit < 8; bit++)
            {
                var hurt = File.ToArray();
                hurt[i] ^= (byte)(1 << bit);
                AssertSurvivors(hurt, i, i + 1, $"bit {bit} of byte {i}");
            }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(40)]
    public void Deleted_bytes_cost_the_blocks_they_touch(int count)
    {
        for (var i = 0; i + count <= File.Length; i++)
            AssertSurvivors([.. File[..i], .. File[(i + count)..]], i, i + count, $"{count} bytes deleted at {i}");
    }

    [Fact]
    public void Inserted_bytes_cost_one_block()
    {
        for (var i = 0; i <= File.Length; i++)
            AssertSurvivors([.. File[..i], 0, 67, 68, .. File[i..]], i, i, $"3 bytes inserted at {i}");
    }

    [Fact]
    public void A_cut_file_plays_to_the_cut_and_says_so()
    {
        for (var length = Starts[0]; length < Starts[Blocks]; length++)
        {
            using var reader = new CodecFileReader(new MemoryStream(File[..length]));
            var blocks = reader.ReadAll().ToList();
            Assert.Equal(Starts.Count(start => start <= length) - 1, blocks.Count);
            Assert.DoesNotContain(blocks, b => b.Lost);
            Assert.Equal(Whole.Frames - blocks.Count * 20, reader.Lost.Sum(range => range.Frames));
            Assert.Equal(blocks.Count > 1, reader.Truncated);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(40)]
    public void Bytes_in_another_order_cost_the_blocks_they_touch(int count)
    {
        for (var i = 0; i + 2 * count <= File.Length; i++)
        {
            byte[] hurt = [.. File[..i], .. File[(i + count)..(i + 2 * count)], .. File[i..(i + count)], .. File[(i + 2 * count)..]];
            // Where the two runs are equal in part, less is hurt.
            var touched = Enumerable.Range(i, 2 * count).Where(at => hurt[at] != File[at]).ToArray();
            if (touched.Length > 0)
                AssertSurvivors(hurt, touched[0], touched[^1] + 1, $"{count} and {count} bytes swapped at {i}", moved: true);
        }
    }

    [Fact]
    public void Reordered_and_repeated_blocks_never_play_in_the_wrong_place()
    {
        byte[] Block(int i) => File[Starts[i]..Starts[i + 1]];
        byte[] Build(params int[] order) => [.. File[..Starts[0]], .. order.SelectMany(Block), .. File[Starts[Blocks]..]];
        AssertLost(Build(0, 2, 1, 3, 4, 5), 1);
        AssertLost(Build(5, 0, 1, 2, 3, 4), 0, 1, 2, 3, 4);
        AssertLost(Build(0, 1, 1, 2, 3, 3, 4, 5));
        AssertLost(Build(1, 2, 4), 0, 3);
    }

    [Theory]
    [InlineData(1000, true)]        // blocks that are cut out
    [InlineData(2000, true)]
    [InlineData(20_000, true)]      // far ahead: two whole blocks prove each other
    [InlineData(70_000, false)]
    public void A_long_hole_is_bridged(int hole, bool bridged)
    {
        CodebookSpec[] books = [new(2)];
        var header = TestFiles.Header(books, 1) with { BlockFrames = 2 };
        var codes = TestFiles.Random(books, 2 * (hole + 20), 1, seed: 1);
        using var stream = new MemoryStream();
        var starts = new List<long>();
        var writer = new CodecFileWriter(stream, header);
        for (var i = 0; i < hole + 20; i++)
        {
            starts.Add(writer.Bytes);
            writer.Write(codes.Slice(2 * i, 2));
        }
        writer.Finish(1);
        var whole = stream.ToArray();
        using var reader = new CodecFileReader(new MemoryStream([.. whole[..(int)starts[10]], .. whole[(int)starts[10 + hole]..]]));
        var blocks = reader.ReadAll().ToList();
        Assert.Equal(bridged ? 20 : 10, blocks.Count(block => !block.Lost));
        Assert.All(blocks.Where(block => !block.Lost), block => Assert.Equal(codes.Slice((int)block.StartFrame, 2)[0].ToArray(), block.Codes![0].ToArray()));
    }

    [Fact]
    public void A_block_of_another_file_is_refused()
    {
        var other = TestFiles.Write(Header with { CatalogueId = 9 }, Whole, 20 * Blocks * 320);
        AssertLost([.. File[..Starts[2]], .. other[Starts[2]..Starts[3]], .. File[Starts[3]..]], 2);
    }

    [Fact]
    public void A_broken_group_loses_the_rest_of_the_group()
    {
        var file = TestFiles.Write(Header, Whole, 20 * Blocks * 320, groupBlocks: 3);
        file[Starts[1] + 3] ^= 1;
        AssertLost(file, 1, 2);
    }

    [Fact]
    public void Headers_that_lie_are_refused_or_harmless()
    {
        // A huge declared length must neither be allocated nor waited for.
        using var stream = new MemoryStream();
        using (var writer = new CodecFileWriter(stream, Header with { Samples = long.MaxValue }, leaveOpen: true))
        {
            writer.Write(Whole.Slice(0, 40));
            writer.Finish(long.MaxValue);
        }
        using var reader = new CodecFileReader(new MemoryStream(stream.ToArray()[..(Starts[1] + 12)]));
        Assert.InRange(reader.ReadAll().Count(), 1, 2);
    }

    private static void AssertLost(byte[] file, params long[] lost)
    {
        using var reader = new CodecFileReader(new MemoryStream(file));
        var blocks = reader.ReadAll().ToList();
        Assert.Equal(lost.Where(i => i < blocks.Count), blocks.Where(b => b.Lost).Select(b => b.Index));
        AssertRight(blocks, "");
    }

    /// <summary>All blocks outside the hurt bytes are there and right; those inside are not played, unless they were moved as a whole and are known
    /// by their number.</summary>
    private static void AssertSurvivors(byte[] file, int from, int to, string what, bool moved = false)
    {
        CodecFileReader reader;
        try
        {
            reader = new CodecFileReader(new MemoryStream(file));
        }
        catch (BitstreamException)
        {
            Assert.True(from < Starts[0], what);
            return;
        }
        Assert.True(from >= Starts[0], what);
        var blocks = reader.ReadAll().ToList();
        AssertRight(blocks, what);
        for (var i = 0; i < Blocks; i++)
        {
            var hurt = from == to ? from > Starts[i] && from < Starts[i + 1] : from < Starts[i + 1] && to > Starts[i];
            var there = blocks.Any(b => b.Index == i && !b.Lost);
            if (moved && hurt && there)
                continue;
            Assert.True(there != hurt, $"{what}: block {i} {(there ? "there" : "lost")}");
            Assert.Equal(hurt, reader.Lost.Any(range => range.Start <= 20 * i && 20 * i < range.Start + range.Frames));
        }
    }

    private static void AssertRight(List<CodecBlock> blocks, string what)
    {
        foreach (var block in blocks.Where(b => !b.Lost))
            for (var book = 0; book < 2; book++)
                Assert.True(Whole.Slice((int)block.StartFrame, block.Frames)[book].SequenceEqual(block.Codes![book]), what);
    }

    /// <summary>All blocks of this file are equally long: two files of different length tell where they lie.</summary>
    private static int[] BlockStarts()
    {
        int BytesBeforeTrailer(int blocks)
        {
            using var writer = new CodecFileWriter(new MemoryStream(), Header);
            writer.Write(Whole.Slice(0, 20 * blocks));
            return (int)writer.Bytes;
        }
        var step = BytesBeforeTrailer(3) - BytesBeforeTrailer(2);
        return [.. Enumerable.Range(0, Blocks + 1).Select(i => BytesBeforeTrailer(2) + (i - 2) * step)];
    }
}
