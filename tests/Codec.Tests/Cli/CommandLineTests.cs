using Codec.Audio;
using Codec.Cli;
using Codec.Core.Bitstream;
using Codec.Core.Checkpoints;

namespace Codec.Tests.Cli;

public class CommandLineTests
{
    [Fact]
    public void Without_arguments_the_verbs_are_listed()
    {
        var run = CommandLineRun.Of();
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("doctor", run.Out);
        Assert.Empty(run.Error);
    }

    [Theory]
    [InlineData("doctr")]
    [InlineData("doctor", "--jsn")]
    [InlineData("encode", "a.wav", "--quiet")]
    [InlineData("info", "-q")]
    public void A_mistyped_command_line_names_the_word_and_exits_with_2(params string[] args)
    {
        var run = CommandLineRun.Of(args);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains(args[^1], run.ErrorLines[0]);
        Assert.Contains("--help", run.ErrorLines[1]);
        Assert.Empty(run.Out);
    }

    [Fact]
    public void Behind_two_dashes_a_word_is_a_file()
    {
        var run = CommandLineRun.Of("encode", "--", "--quiet");
        Assert.Equal(3, run.ExitCode);
        Assert.Contains("--quiet: no such file", run.Error);
    }

    [Fact]
    public void Every_family_of_errors_has_its_exit_code()
    {
        Assert.Equal(3, ExitCode.For(new AudioFileException("a.wav", "no such file")));
        Assert.Equal(3, ExitCode.For(new BitstreamException("magic", 0, "NACF", "00")));
        Assert.Equal(4, ExitCode.For(new CheckpointException("m.safetensors", "expected a header")));
        Assert.Equal(2, ExitCode.For(new ConfigException("rate: expected > 0, found 0")));
        Assert.Equal(1, ExitCode.For(new InvalidOperationException()));
        Assert.Equal(130, ExitCode.For(new OperationCanceledException()));
    }

    [Fact]
    public void A_defect_is_told_in_one_line_and_with_the_stack_only_on_request()
    {
        var failure = new InvalidOperationException("first\nsecond");
        Assert.Single(Guarded(failure, []).Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(nameof(Guarded), Guarded(failure, new() { ["CODEC_DEBUG"] = "1" }));
    }

    private static string Guarded(Exception failure, Dictionary<string, string> variables)
    {
        using var error = new StringWriter();
        var terminal = new Terminal
        {
            Out = TextWriter.Null,
            Error = error,
            OpenInput = () => Stream.Null,
            OpenOutput = () => Stream.Null,
            Variable = name => variables.GetValueOrDefault(name),
        };
        Assert.Equal(1, CommandLine.Guard(terminal, () => throw failure));
        return error.ToString();
    }
}
