using Codec.Core;
using Codec.Core.Files;

namespace Codec.Tests.Core;

/// <summary>How long recordings are cut.</summary>
public class BlockPlanTests
{
    [Fact]
    public void A_codec_that_sees_the_whole_signal_gets_long_windows_and_a_notice_beyond_them()
    {
        var info = new CodecInfo { Name = "x", SampleRate = 16_000, HopLength = 320, Books = [new CodebookSpec(16)] };
        var whole = info with { SeesWholeSignal = true };
        Assert.InRange(BlockPlan.For(info).Frames / info.FrameRate, 10, 12);
        var seconds = BlockPlan.For(whole).Frames / info.FrameRate;
        Assert.InRange(seconds, 120, 125);
        Assert.Empty(BlockPlan.Notices(info, 3600 * 16_000, 16_000));
        Assert.Empty(BlockPlan.Notices(whole, (long)(seconds * 48_000), 48_000));
        Assert.Contains("overlapping windows", Assert.Single(BlockPlan.Notices(whole, (long)(seconds * 48_000) + 1, 48_000)));
    }
}
