using Codec.Tests.Core.Bitstream;

namespace Codec.Tests.Cli;

public sealed class TranscodeTests
{
    [Fact]
    public void A_lower_rate_gives_the_file_of_fewer_books()
    {
        var header = TestFiles.Header(TestFiles.Books("speech"), 1);
        var codes = TestFiles.Random(header.Books, 120, 1, seed: 1);
        var run = CommandLineRun.Of(TestFiles.Write(header, codes, 120 * 320), null, "transcode", "-", "-o", "-", "--kbps", "1.5");
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(TestFiles.Write(header with { Books = [.. header.Books.Take(3)] }, codes.Take(3), 120 * 320), run.OutBytes);
    }

    [Theory]
    [InlineData()]
    [InlineData("--kbps", "1.5", "--books", "2")]
    public void One_rate_is_asked_for(params string[] rate)
        => Assert.Equal(2, CommandLineRun.Of(["transcode", "-", "-o", "-", .. rate]).ExitCode);
}
