using Codec.Core;

namespace Codec.Tests.Core;

public sealed class CodeSegmentTests
{
    private static readonly CodebookSpec[] Books = [new(16)];

    [Fact]
    public void Segments_follow_rows_stacks_and_joints()
    {
        Codes One(float scale, int frames) => new Codes(Books, [[new int[frames]]], frames).WithSegments([new CodeSegment(frames, [scale])]);
        var joined = Codes.Concat([One(0.5f, 3), One(0.25f, 2)]);
        Assert.Equal([3, 2], joined.Segments!.Select(s => s.Frames));
        var stacked = Codes.Stack([joined, Codes.Concat([One(1f, 3), One(2f, 2)])]);
        Assert.Equal([0.25f, 2f], stacked.Segments![1].Scales);
        Assert.Equal([2f], stacked.Row(1).Segments![1].Scales);
        Assert.Same(stacked.Segments, stacked.Take(1).Segments);
        Assert.Throws<ArgumentException>(() => joined.WithSegments([new CodeSegment(4, [1f])]));
    }

    [Theory]
    [InlineData(1, 1)]            // samples, frames: segments of 48000 every 47520, hop 320
    [InlineData(47_520, 149)]
    [InlineData(47_521, 150)]
    [InlineData(48_000, 152)]
    [InlineData(48_821, 155)]
    [InlineData(95_040, 299)]
    public void Frames_of_overlapping_segments(int samples, int frames)
    {
        var info = new CodecInfo { Name = "x", SampleRate = 48_000, HopLength = 320, Books = Books, SegmentLength = 48_000, SegmentStride = 47_520 };
        Assert.Equal(frames, info.FramesFor(samples));
    }
}
