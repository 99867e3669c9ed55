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
