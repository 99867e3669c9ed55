using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Concealment;
using Codec.Tests.Core.Bitstream;

namespace Codec.Tests.Core.Concealment;

public sealed class ConcealerTests
{
    private static readonly CodebookSpec[] Books = [new(64, 2), new(256)];

    [Theory]
    [InlineData(4, "")]                            // blocks of ten frames, those that are lost
    [InlineData(4, "1")]
    [InlineData(6, "2 3")]
    [InlineData(5, "0")]
    [InlineData(5, "0 1 2 3 4")]
    [InlineData(6, "4 5")]
    [InlineData(9, "1 3 4 5 6 7")]
    public void Every_frame_is_played_once_in_order(int blocks, string lost)
    {
        var repair = new Recorder();
        var gone = lost.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse).ToHashSet();
        var whole = TestFiles.Random(Books, 10 * blocks, 1, seed: 3);
        var played = Play(repair, blocks, gone, whole);
        long next = 0;
        foreach (var piece in played)
        {
            Assert.Equal(next, piece.StartFrame);
            next += piece.Frames;
            Assert.Equal(piece.Frames, piece.Codes?.Frames ?? piece.Frames);
            if (piece.Gains is null && piece.Codes is not null)
                TestFiles.AssertSame(whole.Slice((int)piece.StartFrame, piece.Frames), piece.Codes);
            else
                Assert.All(Enumerable.Range((int)piece.StartFrame / 10, piece.Frames / 10), block => Assert.Contains(block, gone));
        }
        Assert.Equal(10 * blocks, next);
        Assert.All(repair.Gaps, gap => Assert.InRange(gap.Frames, 1, repair.LongestGap));
    }

    [Fact]
    public void A_repair_sees_both_sides_of_a_short_gap_and_one_side_of_each_end_of_a_long_one()
    {
        var repair = new Recorder();
        var whole = TestFiles.Random(Books, 120, 1, seed: 4);
        Play(repair, 12, [2, 3, 5, 6, 7, 8, 9], whole);
        Assert.Equal(3, repair.Gaps.Count);
        var (both, left, right) = (repair.Gaps[0], repair.Gaps[1], repair.Gaps[2]);
        TestFiles.AssertSame(whole.Slice(14, 6), both.Before!);
        TestFiles.AssertSame(whole.Slice(40, 6), both.After!);
        TestFiles.AssertSame(whole.Slice(44, 6), left.Before!);
        Assert.Null(left.After);
        Assert.Null(right.Before);
        TestFiles.AssertSame(whole.Slice(100, 6), right.After!);
    }

    [Fact]
    public void Repeating_mirrors_both_sides_and_ends_at_full_level()
    {
        CodebookSpec[] books = [new(100)];
        Codes Of(params int[] codes) => new(books, [[codes]], codes.Length);
        var filled = new RepeatAndFade(50).Fill(new LostFrames(books, 1, 8, Of(1, 2, 3), Of(4, 5, 6)));
        Assert.Equal([3, 2, 1, 1, 2, 3, 5, 4], filled.Codes[0].ToArray());
        Assert.Equal([0.875f, 0.75f, 0.625f, 0.5f, 0.375f, 0.25f, 0.5f, 1], filled.Gains);
        Assert.Equal([4, 5, 6, 6, 5, 4, 4, 5], new RepeatAndFade(50).Fill(new LostFrames(books, 1, 8, Of(6, 5, 4), null)).Codes[0].ToArray());
        Assert.Equal([6, 5, 4], new RepeatAndFade(50).Fill(new LostFrames(books, 1, 3, null, Of(4, 5, 6))).Codes[0].ToArray());
        Assert.Equal([0, 0, 0], new RepeatAndFade(50).Fill(new LostFrames(books, 1, 3, null, null)).Gains);
    }

    private static List<PlayedFrames> Play(ILostFrameRepair repair, int blocks, HashSet<int> lost, Codes whole)
    {
        var concealer = new Concealer(repair, Books, 1);
        var played = new List<PlayedFrames>();
        for (var i = 0; i < blocks; i++)
            played.AddRange(concealer.Push(new CodecBlock(i, 10 * i, 10, lost.Contains(i) ? null : whole.Slice(10 * i, 10), default)));
        played.AddRange(concealer.Finish());
        return played;
    }

    private sealed class Recorder : ILostFrameRepair
    {
        public List<LostFrames> Gaps { get; } = [];

        public int ContextFrames => 5;

        public int LongestGap => 20;

        public FilledFrames Fill(LostFrames gap)
        {
            Gaps.Add(gap);
            return new FilledFrames(gap.NewCodes(), new float[gap.Frames]);
        }
    }
}
