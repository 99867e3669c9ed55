using Codec.Core.Codecs.Native;
using Codec.Core.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Core.Layers;

/// <summary>Layers whose gradient is written out (in training) beside libtorch's own gradient of the same layers (in evaluation).</summary>
public sealed class WrittenGradientTests
{
    [Theory]
    [InlineData(3, 11, 64, 1, 7)]   // items, frames, width, expansion, kernel
    [InlineData(2, 5, 128, 3, 7)]   // fewer frames than the convolution sees
    [InlineData(1, 28, 320, 3, 7)]
    [InlineData(2, 13, 64, 2, 1)]
    public void ConvNeXt_block(int items, int frames, int width, int expansion, int kernel)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(5);
        using var stack = ModuleFactory.Build(() => new ConvNeXtStack(width, 2, expansion, kernel));
        using var x_BTC = randn(items, frames, width).requires_grad_();
        using var weight_BTC = randn(items, frames, width);
        SameGradients(stack, () => (stack.forward(x_BTC, null) * weight_BTC).sum(), x_BTC);
    }

    [Theory]
    [InlineData(640)]
    [InlineData(320)]
    public void Decoder_with_its_inverse_transform(int window)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(6);
        var config = new NativeConfig
        {
            WindowLength = window, DelaySamples = window, LatentDim = 16, DecoderWidth = 64, DecoderBlocks = 1, HeadWidth = 64, HeadBlocks = 1,
        };
        using var decoder = ModuleFactory.Build(() => new NativeDecoder(config));
        using var latent_BTD = randn(2, 9, 16).requires_grad_();
        using var weight_BS = randn(2, 9 * config.HopLength);
        SameGradients(decoder, () => (decoder.forward(latent_BTD, null) * weight_BS).sum(), latent_BTD);
    }

    [Fact]
    public void Encoder_with_layers_of_no_whole_panels()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(7);
        var config = new NativeConfig { LatentDim = 24, EncoderWidth = 64, EncoderBlocks = 1 };
        using var encoder = ModuleFactory.Build(() => new NativeEncoder(config));
        using var audio_BS = (randn(2, 6 * config.HopLength) * 0.1).requires_grad_();
        using var weight_BTD = randn(2, 6, 24);
        SameGradients(encoder, () => (encoder.forward(audio_BS, null) * weight_BTD).sum(), audio_BS);
    }

    [Fact]
    public void Spectra_of_a_discriminator()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(8);
        const int length = 32;
        using var window = hann_window(length);
        using var audio_BS = randn(2, 100).requires_grad_(); // a few samples behind the last whole frame
        var written = Codec.Training.Discriminators.SpectrumFunction.Of(audio_BS, window);
        var own = view_as_real(fft.rfft(audio_BS.unfold(1, length, length / 4) * window)).permute(0, 3, 2, 1).narrow(2, 0, length / 2);
        Assert.True(allclose(own, written, 1e-4, 1e-5));
        var weight = randn_like(own);
        Tensor[] gradients = [.. new[] { own, written }.Select(spectra => autograd.grad([(spectra * weight).sum()], [audio_BS])[0])];
        Assert.True(allclose(gradients[0], gradients[1], 1e-4, 1e-4));
        Assert.Equal(0, gradients[1][0, 99].item<float>());
    }

    [Fact]
    public void Products_in_bfloat16_differ_by_its_rounding()
    {
        Assert.SkipUnless(Codec.Core.Kernels.PairTile.Supports(Codec.Core.Kernels.PairNumbers.BFloat), "no AVX512-BF16 here, or no memory that may hold instructions");
        using var scope = NewDisposeScope();
        random.manual_seed(9);
        using var decoder = ModuleFactory.Build(() => new NativeDecoder(new NativeConfig { LatentDim = 16, DecoderWidth = 64, DecoderBlocks = 1, HeadWidth = 64, HeadBlocks = 1 }));
        using var latent_BTD = randn(2, 9, 16).requires_grad_();
        using var weight_BS = randn(2, 9 * 320);
        Tensor Loss() => (decoder.forward(latent_BTD, null) * weight_BS).sum();
        var exact = Gradients(decoder, Loss, latent_BTD, true);
        TrainingPrecision.Reduced = true;
        var reduced = Gradients(decoder, Loss, latent_BTD, true);
        TrainingPrecision.Reduced = false;
        foreach (var (name, expected) in exact.Where(pair => pair.Key != "value"))
            Assert.InRange(((reduced[name] - expected).norm() / expected.norm()).item<float>(), 1e-5, 0.03);
    }

    private static void SameGradients(nn.Module module, Func<Tensor> loss, Tensor input)
    {
        var (written, own) = (Gradients(module, loss, input, true), Gradients(module, loss, input, false));
        Assert.Equal(own.Keys, written.Keys);
        foreach (var (name, expected) in own)
        {
            var largest = expected.abs().max().item<float>();
            var difference = (written[name] - expected).abs().max().item<float>();
            Assert.True(largest > 0, $"{name}: no gradient");
            Assert.True(difference <= 2e-4 * largest, $"{name}: {difference} of {largest}");
        }
        var before = Tensor.TotalCount;
        using (NewDisposeScope())
            Gradients(module, loss, input, true);
        Assert.Equal(before, Tensor.TotalCount); // a step leaves nothing behind
    }

    private static SortedDictionary<string, Tensor> Gradients(nn.Module module, Func<Tensor> loss, Tensor input, bool training)
    {
        module.train(training);
        var value = loss();
        value.backward();
        var result = new SortedDictionary<string, Tensor> { ["value"] = value.detach().clone(), ["input"] = input.grad!.clone() };
        input.grad!.zero_();
        foreach (var (name, parameter) in module.named_parameters())
        {
            result[name] = parameter.grad!.clone();
            parameter.grad!.zero_();
        }
        return result;
    }
}
