using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Speech.Repair;

namespace Codec.Tests.Speech.Repair;

public class RegenerationTagTests
{
    [Theory]
    [InlineData("", false)]
    [InlineData("""{"title":"x"}""", false)]
    [InlineData("""{"regenerate":false}""", false)]
    [InlineData("""{"regenerate":"true"}""", false)]
    [InlineData("""{"title":"x","regenerate":true}""", true)]
    [InlineData("{", false)]
    public void Only_a_true_member_asks_for_it(string tags, bool expected) => Assert.Equal(expected, RegenerationTag.IsIn(Header(tags)));

    [Fact]
    public void Other_tags_stay()
    {
        Assert.True(RegenerationTag.IsIn(Header(RegenerationTag.AddTo(""))));
        Assert.Equal("""{"title":"x","regenerate":true}""", RegenerationTag.AddTo("""{"title":"x"}"""));
    }

    private static CodecFileHeader Header(string tags)
        => new() { Books = [new CodebookSpec(1024)], SampleRate = 16000, HopLength = 320, OriginalRate = 16000, BlockFrames = 50, Tags = tags };
}
