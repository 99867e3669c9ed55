using Codec.Audio;
using Codec.Cli;
using Codec.Core.Codecs.Native;
using Codec.Speech.Repair;
using Codec.Tests.Speech.Repair;

namespace Codec.Tests.Cli;

/// <summary>encode --regenerate, decode with repair models, repair-eval.</summary>
public sealed class RepairVerbTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _codec, _masked, _fine, _wav;

    public RepairVerbTests()
    {
        using var masked = new SmallRepair(RepairKind.Masked);
        using var fine = new SmallRepair(RepairKind.Fine);
        (_codec, _masked, _fine, _wav) = (_folder.Combine("codec.safetensors"), _folder.Combine("masked.safetensors"), _folder.Combine("fine.safetensors"), _folder.Combine("in.wav"));
        NativeCheckpoint.Save(masked.Codec.Model, _codec);
        using var codec = NativeCheckpoint.Load(_codec);
        RepairFile.Save(_masked, masked.Model, codec.Info.TokenHash);
        RepairFile.Save(_fine, fine.Model, codec.Info.TokenHash);
        var random = new Random(1);
        AudioFile.Write(_wav, new AudioBuffer([.. Enumerable.Range(0, 24000).Select(_ => random.NextSingle() - 0.5f)], 16000));
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_that_asks_for_it_is_regenerated_and_says_so()
    {
        var (file, plain, made, part) = (_folder.Combine("x.cdc"), _folder.Combine("plain.wav"), _folder.Combine("made.wav"), _folder.Combine("part.wav"));
        var encoded = CommandLineRun.Of("encode", _wav, "-o", file, "--model", _codec, "--regenerate", "--fine", _fine);
        Assert.Equal(ExitCode.Done, encoded.ExitCode);
        Assert.Equal(ExitCode.Done, CommandLineRun.Of("decode", file, "-o", plain, "--model", _codec, "--fine", _fine, "--plain").ExitCode);
        var decoded = CommandLineRun.Of("decode", file, "-o", made, "--model", _codec, "--fine", _fine);
        Assert.Equal(ExitCode.Done, decoded.ExitCode);
        Assert.Contains("2 of 3 books were sent, the decoder makes up the others", decoded.Error);
        var (a, b) = (AudioFile.Read(plain).Channel(0).ToArray(), AudioFile.Read(made).Channel(0).ToArray());
        Assert.Equal(24000, b.Length);
        Assert.NotEqual(a, b);
        Assert.Equal(ExitCode.Done, CommandLineRun.Of("decode", file, "-o", part, "--model", _codec, "--fine", _fine, "--from", "0:00:01").ExitCode);
        var cut = AudioFile.Read(part).Channel(0).ToArray();
        Assert.All(cut.Zip(b[16000..]), pair => Assert.Equal(pair.Second, pair.First, 2e-4f));

        var without = CommandLineRun.Of("decode", file, "-o", made, "--model", _codec, "--force");
        Assert.Equal(ExitCode.Done, without.ExitCode);
        Assert.Contains("no model for the codes of", without.Error);
        Assert.Equal(a, AudioFile.Read(made).Channel(0).ToArray());
    }

    [Fact]
    public void What_cannot_be_is_refused_in_one_line()
    {
        void Refused(string expected, params string[] args)
        {
            var run = CommandLineRun.Of(args);
            Assert.NotEqual(ExitCode.Done, run.ExitCode);
            Assert.Contains(expected, Assert.Single(run.ErrorLines));
        }
        var file = _folder.Combine("y.cdc");
        Refused("bundled", "encode", _wav, "-o", file, "--model", _codec, "--regenerate");
        Refused("fewer than all 3 books", "encode", _wav, "-o", file, "--model", _codec, "--regenerate", "--fine", _fine, "--books", "3");
        Refused("expected a Fine repair model", "encode", _wav, "-o", file, "--model", _codec, "--regenerate", "--fine", _masked);
        Refused("--loss", "repair-eval", _folder.Path, "--model", _codec, "--books", "3", "--loss", "x");
        Refused("Rate", "repair-eval", _folder.Path, "--model", _codec, "--books", "3", "--loss", "100");
        Refused("--sent", "repair-eval", _folder.Path, "--model", _codec, "--books", "3", "--sent", "3");
        Refused("an empty --sent", "repair-eval", _folder.Path, "--model", _codec, "--books", "3", "--vbr", "0.1", "--sent", "1");
        Refused("no such folder", "repair-eval", _folder.Combine("none"), "--model", _codec, "--books", "3", "--sent", "1");
    }

    [Theory]
    [InlineData("0")]
    [InlineData("0.1")]     // frames may lack the third book
    public void A_gap_is_made_up_by_the_model(string vbr)
    {
        var (wav, file, hurt) = (_folder.Combine("long.wav"), _folder.Combine("long.cdc"), _folder.Combine("hurt.cdc"));
        var random = new Random(2);
        AudioFile.Write(wav, new AudioBuffer([.. Enumerable.Range(0, 64000).Select(_ => random.NextSingle() - 0.5f)], 16000));
        Assert.Equal(ExitCode.Done, CommandLineRun.Of("encode", wav, "-o", file, "--model", _codec, "--vbr", vbr).ExitCode);
        var bytes = File.ReadAllBytes(file);
        bytes[bytes.Length / 3] ^= 1;
        File.WriteAllBytes(hurt, bytes);
        float[] Decoded(string input, params string[] more)
        {
            var run = CommandLineRun.Of(["decode", input, "-o", _folder.Combine("o.wav"), "--model", _codec, "--force", .. more]);
            Assert.Equal(ExitCode.Done, run.ExitCode);
            return AudioFile.Read(_folder.Combine("o.wav")).Channel(0).ToArray();
        }
        var (whole, plain, made) = (Decoded(file), Decoded(hurt, "--plain"), Decoded(hurt, "--masked", _masked));
        Assert.Equal(64000, made.Length);
        Assert.Equal(whole[..15000], made[..15000]);
        Assert.NotEqual(plain[16000..32000], made[16000..32000]);
        Assert.Contains(made[16000..22000], sample => sample != 0);
    }

    [Fact]
    public void Tables_are_printed()
    {
        var run = CommandLineRun.Of("repair-eval", _folder.Path, "--model", _codec, "--books", "3", "--masked", _masked, "--fine", _fine, "--loss", "20", "--packets", "2", "--bursts", "0,3", "--sent", "1");
        Assert.Equal(ExitCode.Done, run.ExitCode);
        Assert.Equal(2 + 1 + 2 * 6 + 2 + 3, run.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Contains("| 20% | bursts of 3 | 2 | Masked |", run.Out);
        Assert.Contains("| 1 | made up |", run.Out);
        var variable = CommandLineRun.Of("repair-eval", _folder.Path, "--model", _codec, "--books", "3", "--masked", _masked, "--vbr", "10", "--loss", "20", "--packets", "2", "--bursts", "0", "--sent", "");
        Assert.Equal(ExitCode.Done, variable.ExitCode);
        Assert.Contains("| 20% | random | 2 | Masked |", variable.Out);
        Assert.NotEqual(run.Out.Split('\n')[2], variable.Out.Split('\n')[2]); // nothing lost, but books
    }
}
