using Codec.Core.Checkpoints;
using Codec.Core.Codecs.Native;
using Codec.Speech.Repair;
using static TorchSharp.torch;

namespace Codec.Tests.Speech.Repair;

public sealed class RepairFileTests : IDisposable
{
    private readonly SmallRepair _small = new(RepairKind.Masked);
    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        _small.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void A_model_comes_back_for_the_codec_it_belongs_to()
    {
        using var scope = NewDisposeScope();
        using var codec = SavedCodec("codec.safetensors");
        var path = _folder.Combine("masked.safetensors");
        RepairFile.Save(path, _small.Model, codec.Info.TokenHash);
        using var model = RepairFile.Load(path, codec, RepairKind.Masked);
        Assert.Equal(_small.Model.Config, model.Config);
        foreach (var (name, value) in _small.Model.state_dict())
            Tensors.Close(value, model.state_dict()[name], 1e-3, name);
    }

    [Fact]
    public void Another_decoder_keeps_the_model_and_another_quantizer_does_not()
    {
        using var first = SavedCodec("first.safetensors");
        var path = _folder.Combine("masked.safetensors");
        RepairFile.Save(path, _small.Model, first.Info.TokenHash);
        using var decoder = SavedCodec("decoder.safetensors", "decoder.head.bias");
        RepairFile.Load(path, decoder, RepairKind.Masked).Dispose();
        using var quantizer = SavedCodec("quantizer.safetensors", "quantizer.layers.0.codebook");
        var refused = Assert.Throws<CheckpointException>(() => RepairFile.Load(path, quantizer, RepairKind.Masked));
        Assert.Contains("was trained on codes", refused.Message);
        Assert.DoesNotContain('\n', refused.Message);
        Assert.Contains("expected a Fine repair model", Assert.Throws<CheckpointException>(() => RepairFile.Load(path, first, RepairKind.Fine)).Message);
    }

    [Theory]
    [InlineData("none", "found none")]
    [InlineData("{", "codec.repair")]
    [InlineData("""{"Model":{"Kind":"Masked","LatentDim":8,"Books":3,"Dim":0},"Tokens":""}""", "Dim")]
    [InlineData("""{"Model":{"Kind":"Masked","LatentDim":8,"Books":3,"Dim":16},"Tokens":""}""", "does not fit")]
    public void Other_files_are_refused_in_one_line(string header, string expected)
    {
        var path = _folder.Combine("other.safetensors");
        using (var x = zeros(1))
            SafetensorsFile.Write(path, new Dictionary<string, Tensor> { ["x"] = x }, header == "none" ? null : new Dictionary<string, string> { ["codec.repair"] = header });
        var refused = Assert.Throws<CheckpointException>(() => RepairFile.Load(path, _small.Codec, RepairKind.Masked));
        Assert.Contains(expected, refused.Message);
        Assert.DoesNotContain('\n', refused.Message);
    }

    private NativeCodec SavedCodec(string name, string? changed = null)
    {
        using var codec = (NativeCodec)new NativeFamily().CreateTiny(1);
        if (changed is not null)
            using (no_grad())
                codec.Model.state_dict()[changed].add_(1);
        NativeCheckpoint.Save(codec.Model, _folder.Combine(name));
        return NativeCheckpoint.Load(_folder.Combine(name));
    }
}
