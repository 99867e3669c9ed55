using Codec.Core;
using Codec.Core.Checkpoints;
using Codec.Core.Codecs;
using Codec.Core.Codecs.Lfsc;
using static TorchSharp.torch;

namespace Codec.Tests.Core.Codecs;

/// <summary>The low-frame-rate codec: no recorded case exists, so what the description says is checked.</summary>
public sealed class LfscTests : IDisposable
{
    private readonly GroupScalarQuantizer _quantizer = new(8, [8, 7, 6, 6]);

    public void Dispose() => _quantizer.Dispose();

    [Fact, NoTensorLeaks]
    public void Every_code_of_a_group_is_the_code_of_its_own_vector()
    {
        using var scope = NewDisposeScope();
        using var none = inference_mode();
        var codes = arange(0, 2016).view(1, 1, 2016).expand(1, 8, 2016).contiguous();
        var values = _quantizer.Decode(codes);
        Assert.Equal([1, 32, 2016], values.shape);
        Assert.InRange(values.abs().max().item<float>(), 1, 1);
        // The bound squeezes values by tanh: undo it, then the same levels come back.
        var levels = tensor(new float[] { 8, 7, 6, 6 }).repeat(8).view(1, 32, 1);
        var (half, scale) = (levels.div(2).floor(), (levels - 1) / 2 * (1 - 1e-3));
        var offset = where(levels.remainder(2).eq(0), 0.5f, 0f);
        var latent = ((values * half + offset) / scale).clamp(-0.9999, 0.9999).atanh() - (offset / scale).tan();
        Tensors.Equal(codes, _quantizer.Encode(latent));
        Assert.True(_quantizer.Encode(randn(1, 32, 50) * 100).ge(0).all().item<bool>());
        Assert.True(_quantizer.Encode(randn(1, 32, 50) * 100).lt(2016).all().item<bool>());
    }

    [Fact, NoTensorLeaks]
    public void Groups_that_are_left_out_are_zero()
    {
        using var scope = NewDisposeScope();
        using var none = inference_mode();
        var codes = full([1, 3, 4], 77, dtype: int64);
        Assert.Equal([1, 32, 4], _quantizer.Decode(codes).shape);
        Assert.Equal(0, _quantizer.Decode(codes).narrow(1, 12, 20).abs().max().item<float>());
    }

    [Fact]
    public void The_published_size_has_its_rates()
    {
        var config = new LfscConfig().Validate();
        Assert.Equal(1024, config.HopLength);
        var info = new CodecInfo { Name = "x", SampleRate = config.SampleRate, HopLength = config.HopLength, Books = [.. Enumerable.Repeat(new CodebookSpec(2016), 8)] };
        Assert.Equal(21.5, info.FrameRate, 1);
        Assert.Equal(1890, info.BitsPerSecond(8), 10.0);
    }

    [Fact]
    public void A_checkpoint_under_the_published_names_loads_with_and_without_its_configuration()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "model_weights.safetensors");
        using var tiny = (LfscCodec)new LfscFamily().CreateTiny(5);
        using (var scope = NewDisposeScope())
        {
            var weights = tiny.Model.state_dict().ToDictionary(p => p.Key, p => p.Value);
            weights["discriminator.discriminators.0.weight"] = ones(3);
            SafetensorsFile.Write(path, weights);
        }
        Assert.Contains("audio_encoder.res_layers.0.res_blocks.1.res_blocks.0.skip_conv.conv.weight", tiny.Model.state_dict().Keys);
        Assert.Contains("audio_decoder.up_sample_conv_layers.1.conv.bias", tiny.Model.state_dict().Keys);
        Check();
        File.WriteAllText(Path.Combine(folder.Path, "config.json"), """
            {"sample_rate": 22050, "audio_encoder": {"base_channels": 4, "resblock_dilation_sizes": [1]}, "vector_quantizer": {"num_groups": 3, "num_levels_per_group": [8, 7, 6, 6]},
             "audio_decoder": {"up_sample_rates": [4, 2], "base_channels": 16, "resblock_kernel_sizes": [3, 5]}}
            """);
        Check();

        void Check()
        {
            using var scope = NewDisposeScope();
            using var loaded = CodecCatalog.Load(path);
            Assert.Equal("lfsc/custom", CodecCatalog.Describe(path).Preset.Name);
            Assert.Equal(tiny.Model.parameters().Sum(p => p.numel()), CodecCatalog.Describe(path).Parameters);
            using var seeded = manual_seed(2);
            var audio = randn(1, 1, 205) * 0.3;
            var codes = loaded.Encode(audio);
            for (var k = 0; k < 3; k++)
                Assert.Equal(tiny.Encode(audio)[k].ToArray(), codes[k].ToArray());
            Tensors.Close(tiny.Decode(codes, 205), loaded.Decode(codes, 205), 0);
        }
    }
}
