using Codec.Cli;
using Codec.Core.Checkpoints;
using Codec.Core.Codecs;
using Codec.Core.Codecs.Encodec;
using Codec.Tests.Core.Checkpoints;
using static TorchSharp.torch;

namespace Codec.Tests.Hostile;

/// <summary>Every bad checkpoint gives one clear line and exit code 4.</summary>
public sealed class BadCheckpointTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("codec-bad").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_truncated_file() => Refused(Whole()[..^100], "lie outside the");

    [Fact]
    public void A_header_of_ten_gigabytes()
        => Refused([.. BitConverter.GetBytes(10_000_000_000L), .. "{}"u8], "header of 10000000000 bytes declared, but the file has 10 bytes");

    [Fact]
    public void A_pickle_that_runs_a_command()
        => Refused(new PickleBuilder().Global("posix", "system").Op("(").Text("true").Op("tR").BuildZip(), "the pickle asks for posix.system;", "bad.th");

    [Fact]
    public void Another_kind_of_model() => Refused(Bytes(new() { ["transformer.wte.weight"] = ones(4, 4) }), "of no known codec family");

    [Fact]
    public void Missing_unexpected_and_misshapen_keys_of_a_known_family()
    {
        using var scope = NewDisposeScope();
        var tensors = Tensors();
        tensors.Remove("encoder.model.0.conv.conv.bias");
        tensors["decoder.model.0.conv.conv.bias"] = ones(5);
        tensors["decoder.extra"] = ones(1);
        var e = Refused(Bytes(tensors), "encoder.model.0.conv.conv.bias");
        Assert.Equal(["encoder.model.0.conv.conv.bias"], e.Missing);
        Assert.Equal(["decoder.extra"], e.Unexpected);
        Assert.Contains("decoder.model.0.conv.conv.bias (expected", Assert.Single(e.Misshapen));
    }

    [Theory]
    [InlineData("{\"model_type\":\"encodec\",\"pad_mode\":\"wormhole\"}", "pad_mode")]
    [InlineData("{\"model_type\":\"encodec\",\"sampling_rate\":-1}", "SampleRate")]
    [InlineData("{", "config.json")]
    public void A_bad_config_beside_it(string json, string named)
    {
        File.WriteAllText(Path.Combine(_folder, "config.json"), json);
        Refused(Whole(), named);
    }

    [Fact]
    public void An_absent_file() => Assert.Equal(ExitCode.Checkpoint, ExitCode.For(Assert.Throws<CheckpointException>(() => CodecCatalog.Load(Path.Combine(_folder, "none.th")))));

    [Fact]
    public void The_whole_file_is_fine()
    {
        var path = Path.Combine(_folder, "good.safetensors");
        File.WriteAllBytes(path, Whole());
        using var codec = CodecCatalog.Load(path);
        Assert.Equal(Checkpoint.Open(path).Sha256, codec.Info.WeightHash);
        Assert.Equal(codec.Info.Name, CodecCatalog.Describe(path).Preset.Name);
    }

    private CheckpointException Refused(byte[] bytes, string part, string name = "bad.safetensors")
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, bytes);
        var e = Assert.Throws<CheckpointException>(() => CodecCatalog.Load(path));
        Assert.Contains(part, e.Message);
        Assert.StartsWith(path, e.Message);
        Assert.DoesNotContain('\n', e.Message);
        Assert.Equal(ExitCode.Checkpoint, ExitCode.For(e));
        return e;
    }

    private byte[] Whole()
    {
        using var scope = NewDisposeScope();
        return Bytes(Tensors());
    }

    /// <summary>A tiny EnCodec under the original keys.</summary>
    private static Dictionary<string, Tensor> Tensors()
    {
        using var codec = (EncodecCodec)new EncodecFamily().CreateTiny(1);
        return codec.Model.state_dict().ToDictionary(
            p => p.Key.Replace("quantizer.quantizers.", "quantizer.vq.layers.", StringComparison.Ordinal).Replace(".codebook.weight", "._codebook.embed", StringComparison.Ordinal),
            p => p.Value.clone());
    }

    private byte[] Bytes(Dictionary<string, Tensor> tensors)
    {
        var path = Path.Combine(_folder, "build.safetensors");
        SafetensorsFile.Write(path, tensors);
        var bytes = File.ReadAllBytes(path);
        File.Delete(path);
        return bytes;
    }
}
