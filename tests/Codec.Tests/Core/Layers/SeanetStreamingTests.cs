using Codec.Core;
using Codec.Core.Layers;
using Codec.Core.Layers.Seanet;
using static TorchSharp.torch;

namespace Codec.Tests.Core.Layers;

public sealed class SeanetStreamingTests
{
    [Theory]
    [InlineData(7, 1, 1, PadMode.Reflect, 1, 40)]   // kernel, stride, dilation, padding, frames per call, frames
    [InlineData(7, 1, 1, PadMode.Reflect, 5, 6)]
    [InlineData(7, 1, 1, PadMode.Reflect, 3, 7)]
    [InlineData(3, 1, 4, PadMode.Reflect, 2, 31)]
    [InlineData(16, 8, 1, PadMode.Reflect, 5, 83)]
    [InlineData(16, 8, 1, PadMode.Reflect, 100, 81)]
    [InlineData(5, 4, 1, PadMode.Reflect, 3, 30)]
    [InlineData(16, 8, 1, PadMode.Zero, 3, 83)]
    [InlineData(4, 2, 1, PadMode.Replicate, 1, 13)]
    [InlineData(1, 1, 1, PadMode.Zero, 4, 10)]
    public void A_streamed_convolution_equals_the_whole(int kernel, int stride, int dilation, PadMode mode, int chunk, int frames)
    {
        using var random = manual_seed(1);
        using var conv = new SeanetConv1d(new SeanetConvConfig(4, 6, kernel) { Stride = stride, Dilation = dilation, Causal = true, PadMode = mode });
        Check(conv, conv.forward, chunk, frames, (frames + stride - 1) / stride);
    }

    [Theory]
    [InlineData(16, 8, 1, 5)]   // kernel, stride, frames per call, frames
    [InlineData(4, 2, 3, 10)]
    [InlineData(5, 3, 2, 7)]
    public void A_streamed_transposed_convolution_equals_the_whole(int kernel, int stride, int chunk, int frames)
    {
        using var random = manual_seed(1);
        using var conv = new SeanetConvTranspose1d(new SeanetConvConfig(4, 6, kernel) { Stride = stride, Causal = true });
        Check(conv, conv.forward, chunk, frames, frames * stride);
    }

    [Theory]
    [InlineData(1, false, PadMode.Reflect)]
    [InlineData(3, true, PadMode.Zero)]
    public void A_streamed_residual_unit_equals_the_whole(int chunk, bool trueSkip, PadMode mode)
    {
        using var random = manual_seed(1);
        using var unit = new SeanetResidualUnit(new SeanetConfig { Dimension = 4, Filters = 4, Ratios = [2], Causal = true, PadMode = mode, TrueSkip = trueSkip }, 4, 2);
        Check(unit, unit.forward, chunk, 20, 20);
    }

    [Theory]
    [InlineData(0.5, false)]
    [InlineData(0.0, false)]
    [InlineData(1.0, true)]
    public void Both_ways_agree_where_a_transposed_convolution_trims_elsewhere(double trimRight, bool norm)
    {
        using var random = manual_seed(1);
        using var conv = new SeanetConvTranspose1d(new SeanetConvConfig(4, 6, 8) { Stride = 4, Causal = !norm, TrimRightRatio = trimRight, TimeGroupNorm = norm });
        using var scope = NewDisposeScope();
        using var none = inference_mode();
        var x_BCT = randn(2, 4, 9);
        Tensors.Close(conv.forward(x_BCT), conv.Run(x_BCT.transpose(1, 2).contiguous(), null).transpose(1, 2), 1e-5);
    }

    [Fact]
    public void A_layer_that_looks_ahead_refuses_a_stream()
    {
        using var conv = new SeanetConv1d(new SeanetConvConfig(1, 1, 3));
        using var scope = NewDisposeScope();
        using var state = new StreamState();
        Assert.Throws<NotSupportedException>(() => conv.Run(zeros(1, 4, 1), state));
    }

    private static void Check(IFrameLayer layer, Func<Tensor, Tensor> plain, int chunk, int frames, int expectedFrames)
    {
        using var scope = NewDisposeScope();
        using var none = inference_mode();
        var x_BTC = randn(2, frames, 4);
        var whole = layer.Run(x_BTC, null);
        Assert.Equal(expectedFrames, whole.shape[1]);
        Tensors.Close(plain(x_BTC.transpose(1, 2)).transpose(1, 2), whole, 1e-5);

        using var state = new StreamState();
        var parts = new List<Tensor>();
        for (var start = 0; start < frames; start += chunk)
            parts.Add(layer.Run(x_BTC.narrow(1, start, Math.Min(chunk, frames - start)).contiguous(), state));
        using var fork = state.Fork();
        foreach (var ending in new[] { state, fork })
        {
            ending.Ending = true;
            var last = layer.Run(empty(2, 0, 4), ending);
            Tensors.Equal(whole, cat([.. parts, last], 1));
        }
    }
}
