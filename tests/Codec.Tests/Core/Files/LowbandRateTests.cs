using Codec.Audio;
using Codec.Cli;
using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Codecs.Native;
using Codec.Core.Files;
using Codec.Tests.Core.Codecs;

namespace Codec.Tests.Core.Files;

public sealed class LowbandRateTests : IDisposable
{
    private const int Rate = 8000, Length = 3 * Rate + 77;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Recording(int channels = 1, int length = Length, Func<int, double>? gain = null)
    {
        var random = new Random(2);
        var path = _folder.Combine($"{channels}.wav");
        AudioFile.Write(path, new AudioBuffer([.. Enumerable.Range(0, channels).Select(_ => Enumerable.Range(0, length).Select(i => (float)((random.NextDouble() - 0.5) * 0.4 * (gain?.Invoke(i / Rate) ?? 1))).ToArray())], Rate));
        return path;
    }

    [Theory]
    [InlineData(1, 17000)]
    [InlineData(1, 22000)]
    [InlineData(2, 40000)]
    public void Steps_are_as_many_as_the_rate_lets_be(int channels, double rate)
    {
        using var codec = LowbandTests.Make();
        var recording = Recording(channels);
        var (file, steps) = Rated(codec, recording, rate, LowbandRate.ProbeSeconds)!.Value;
        Assert.Equal(Encoded(codec, recording, steps), file);
        Assert.InRange(file.Length * 8.0 / Length * Rate, rate * 0.9, rate);
        Assert.True(Encoded(codec, recording, steps + 2).Length * 8.0 / Length * Rate > rate * 0.998);
    }

    [Fact]
    public void What_follows_the_beginning_counts_when_steps_are_chosen()
    {
        using var codec = LowbandTests.Make();
        var recording = Recording(length: 23 * Rate + 5); // pieces last 20 s
        var (file, steps) = Rated(codec, recording, 17000, probe: 21)!.Value;
        var whole = Rated(codec, recording, 17000, probe: 30)!.Value;
        Assert.Equal(Encoded(codec, recording, steps), file);
        Assert.Equal(whole.File, file);
        Assert.Null(Rated(codec, recording, 3000, probe: 21));
    }

    [Fact]
    public void A_recording_that_grows_louder_keeps_the_rate()
    {
        using var codec = LowbandTests.Make();
        const int seconds = 80; // more than are all tried
        var recording = Recording(length: seconds * Rate, gain: second => second < 25 ? 0.3 : 1);
        var (file, steps) = Rated(codec, recording, 17000, probe: 21)!.Value;
        Assert.Equal(Encoded(codec, recording, steps), file);
        Assert.InRange(file.Length * 8.0 / seconds, 17000 * 0.9, 17000);
    }

    private static byte[] Encoded(NativeCodec codec, string recording, int steps)
    {
        using var low = codec.WithLowband(2, steps);
        using var audio = AudioFile.OpenRead(recording);
        using var file = new MemoryStream();
        CodecFile.Compress(audio, low, file);
        return file.ToArray();
    }

    private static (byte[] File, int Steps)? Rated(NativeCodec codec, string recording, double rate, double probe)
    {
        using var audio = AudioFile.OpenRead(recording);
        using var probed = new ProbedReader(audio, probe);
        using var file = new MemoryStream();
        if (LowbandRate.Compress(probed, codec, file, 2, rate) is not { } report)
        {
            Assert.Equal(0, file.Length);
            Assert.Equal(audio.Length, CodecFile.Compress(probed, codec, file, 2).Samples); // all can still be read
            return null;
        }
        Assert.Equal((audio.Length, file.Length), (report.Samples, report.Bytes));
        file.Position = 0;
        using var read = new CodecFileReader(file, leaveOpen: true);
        return (file.ToArray(), LowbandBooks.Steps(read.Header.Books[^1]));
    }

    [Fact]
    public void No_steps_are_few_enough_for_a_rate_that_is_too_low()
    {
        using var codec = LowbandTests.Make();
        Assert.Null(Rated(codec, Recording(), 3000, LowbandRate.ProbeSeconds));
    }

    [Fact]
    public void Codecs_without_a_low_band_keep_whole_books()
    {
        using var codec = new NativeFamily().CreateTiny(1);
        Assert.Null(LowbandRate.Books(codec.Info, 3000));
        var whole = codec.Info with { LowbandCoefficients = 40, Books = [.. Enumerable.Repeat(new CodebookSpec(1024), 8)] };
        Assert.Equal(4, LowbandRate.Books(whole, 2500, asked: true));
        Assert.Equal(4, LowbandRate.Books(whole, 2750));
        Assert.Null(LowbandRate.Books(whole, 2600));
        Assert.Null(LowbandRate.Books(whole, 1000));
    }

    [Fact]
    public void The_command_encodes_decodes_describes_cuts_and_conceals_it()
    {
        var (model, wav, file) = (_folder.Combine("codec.safetensors"), Recording(), _folder.Combine("a.cdc"));
        using (var codec = LowbandTests.Make())
            NativeCheckpoint.Save(codec.Model, model);
        string Run(params string[] args)
        {
            var run = CommandLineRun.Of(args);
            Assert.True(run.ExitCode == ExitCode.Done, string.Join(' ', args) + run.Error);
            return run.Out;
        }
        float[] Decoded(string input, params string[] more)
        {
            Run(["decode", input, "-o", _folder.Combine("x.wav"), "--model", model, "--force", .. more]);
            return AudioFile.Read(_folder.Combine("x.wav")).Channel(0).ToArray();
        }
        Run("encode", wav, "-o", file, "--model", model, "--lowband", "40", "--books", "2");
        Assert.Matches("lowband steps +40", Run("info", file));
        var all = Decoded(file);
        Assert.Equal(Length, all.Length);
        Assert.All(Decoded(file, "--from", "1.5").Zip(all[(3 * Rate / 2)..]), pair => Assert.Equal(pair.Second, pair.First, 2e-4f));
        Run("transcode", file, "-o", _folder.Combine("two.cdc"), "--books", "2");
        Run("encode", wav, "-o", _folder.Combine("direct.cdc"), "--model", model, "--books", "2");
        Assert.Equal(File.ReadAllBytes(_folder.Combine("direct.cdc")), File.ReadAllBytes(_folder.Combine("two.cdc")));
        Assert.NotEqual(all, Decoded(_folder.Combine("two.cdc")));
        var hurt = File.ReadAllBytes(file);
        hurt[hurt.Length / 2] ^= 1;
        File.WriteAllBytes(_folder.Combine("h.cdc"), hurt);
        Assert.Equal(Length, Decoded(_folder.Combine("h.cdc")).Length);
        foreach (var (option, value) in new[] { ("--lowband", "3"), ("--lowband", "600"), ("--lowband", "auto"), ("--lowband", "many") })
        {
            var refused = CommandLineRun.Of("encode", wav, "-o", _folder.Combine("r.cdc"), "--model", model, option, value);
            Assert.Equal(ExitCode.Usage, refused.ExitCode);
            Assert.Contains("--lowband", Assert.Single(refused.ErrorLines), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Models_without_the_layer_refuse_it_in_one_line()
    {
        var model = _folder.Combine("tiny.safetensors");
        using (var codec = (NativeCodec)new NativeFamily().CreateTiny(3))
            NativeCheckpoint.Save(codec.Model, model);
        var refused = CommandLineRun.Of("encode", Recording(), "-o", _folder.Combine("r.cdc"), "--model", model, "--lowband", "40");
        Assert.Equal(ExitCode.Checkpoint, refused.ExitCode);
        Assert.Contains("low band", Assert.Single(refused.ErrorLines), StringComparison.Ordinal);
    }
}
