using Codec.Audio;

namespace Codec.Tests.Cli;

public sealed class EvalVerbTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("eval-verb-").FullName;

    public EvalVerbTests()
    {
        Write("ref", 0);
        Write("system", 0.001f);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void A_run_writes_its_report_and_a_regression_ends_with_exit_code_5()
    {
        Assert.Equal(0, Eval("first").ExitCode);
        foreach (var name in (string[])["report.html", "report.md", "report.json", "rows.csv"])
            Assert.True(new FileInfo(Path.Combine(_root, "first", name)).Length > 0, name);
        string[] gate = ["--baseline", Path.Combine(_root, "first", "report.json"), "--fail-if", "si_sdr_db<-1"];
        Assert.Equal(0, Eval("same", gate).ExitCode);
        Write("system", 0.01f); // ten times the noise: 20 dB
        var worse = Eval("worse", gate);
        Assert.Equal(5, worse.ExitCode);
        Assert.Contains("si_sdr_db", worse.Error);
    }

    [Fact]
    public void A_gate_without_baseline_and_an_unknown_metric_are_usage_errors()
    {
        Assert.Equal(2, Eval("a", "--fail-if", "si_sdr_db<-1").ExitCode);
        Assert.Equal(2, CommandLineRun.Of("eval", "--ref", Path.Combine(_root, "ref"), "-o", Path.Combine(_root, "b"), "--metrics", "beauty").ExitCode);
        Assert.Equal(3, CommandLineRun.Of("eval", "--ref", Path.Combine(_root, "nowhere"), "-o", Path.Combine(_root, "c")).ExitCode);
    }

    [Fact]
    public void A_run_that_can_measure_nothing_says_so_in_one_line()
    {
        string[] run = ["eval", "--ref", Path.Combine(_root, "ref"), "--metrics", "si_sdr_db", "-o", Path.Combine(_root, "d")];
        var absent = CommandLineRun.Of([.. run, "--deg", Path.Combine(_root, "absent")]);
        Assert.Equal(2, absent.ExitCode);
        Assert.Contains("no such folder", Assert.Single(absent.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)));
        Assert.Equal(2, CommandLineRun.Of(run).ExitCode);
        Directory.CreateDirectory(Path.Combine(_root, "other"));
        var empty = CommandLineRun.Of([.. run, "--deg", Path.Combine(_root, "other")]);
        Assert.Equal(3, empty.ExitCode);
        Assert.Contains("tone.wav", empty.Error);
    }

    private CommandLineRun Eval(string output, params string[] more)
        => CommandLineRun.Of(["eval", "--ref", Path.Combine(_root, "ref"), "--deg", Path.Combine(_root, "system"), "--metrics", "si_sdr_db,lsd_db", "-o", Path.Combine(_root, output), .. more]);

    private void Write(string folder, float noise)
    {
        var random = new Random(1);
        Directory.CreateDirectory(Path.Combine(_root, folder));
        float[] samples = [.. Enumerable.Range(0, 8000).Select(i => 0.3f * MathF.Sin(i * 0.05f) + noise * (random.NextSingle() - 0.5f))];
        AudioFile.Write(Path.Combine(_root, folder, "tone.wav"), new AudioBuffer(samples, 16000));
    }
}
