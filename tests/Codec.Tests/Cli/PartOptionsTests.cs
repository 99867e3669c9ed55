using Codec.Cli;

namespace Codec.Tests.Cli;

public sealed class PartOptionsTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("62.5", 62.5)]
    [InlineData("90", 90)]
    [InlineData("1:02", 62)]
    [InlineData("61:02.25", 3662.25)]
    [InlineData("1:02:03", 3723)]
    [InlineData("10:00:00.001", 36000.001)]
    public void Times_are_seconds_or_clock_times(string text, double seconds) => Assert.Equal(seconds, PartOptions.Parse(text)!.Value.TotalSeconds, 6);

    [Theory]
    [InlineData("")]
    [InlineData("-1")]
    [InlineData("1:60")]
    [InlineData("1:2:3:4")]
    [InlineData("1.5:00")]
    [InlineData("1e3")]
    [InlineData("1,5")]
    [InlineData("abc")]
    [InlineData("9999999999999")]
    public void Everything_else_is_not(string text) => Assert.Null(PartOptions.Parse(text));
}
