using Codec.Core.Kernels;
using Codec.Core.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Core.Kernels;

/// <summary>The residual unit of DAC and SNAC, in place and piece by piece.</summary>
public sealed class SnakeUnitTests
{
    [Theory]
    [InlineData(24, 1, 1, 2, 50)]      // channels, dilation, groups, batch, frames
    [InlineData(24, 9, 1, 1, 11)]      // shorter than the kernel reaches
    [InlineData(33, 3, 1, 1, 700)]
    [InlineData(96, 9, 1, 1, 3000)]    // several pieces
    [InlineData(20, 9, 20, 2, 5000)]   // one filter per channel
    [InlineData(64, 3, 64, 1, 1)]
    public void Equals_the_operators_whatever_the_threads(int channels, int dilation, int groups, int batch, int frames)
    {
        using var unit = Unit(channels, dilation, groups);
        using var scope = NewDisposeScope();
        using var generator = manual_seed(4);
        var x = randn(batch, channels, frames);
        using var none = inference_mode();
        var expected = unit.forward(x);
        var before = get_num_threads();
        try
        {
            set_num_threads(1);
            var one = unit.ForwardInPlace(ChannelsLast.Of(x));
            Tensors.Close(expected, one, 2e-5);
            set_num_threads(3);
            Tensors.Equal(one, unit.ForwardInPlace(ChannelsLast.Of(x)));
        }
        finally
        {
            set_num_threads(before);
        }
        for (var item = 0; item < batch; item++)
            Tensors.Equal(unit.ForwardInPlace(ChannelsLast.Of(x.narrow(0, item, 1))), unit.ForwardInPlace(ChannelsLast.Of(x)).narrow(0, item, 1));
    }

    [Fact]
    public void Leaves_its_input_alone_where_gradients_are_wanted_or_the_layout_is_another()
    {
        using var unit = Unit(8, 1, 1);
        using var scope = NewDisposeScope();
        using var generator = manual_seed(5);
        var x = randn(1, 8, 30);
        var copy = x.clone();
        Assert.True(unit.ForwardInPlace(x).requires_grad);
        using (inference_mode())
            unit.ForwardInPlace(x);
        Tensors.Equal(copy, x);
    }

    private static SnakeUnit Unit(int channels, int dilation, int groups)
    {
        using var generator = manual_seed(6);
        var unit = new SnakeUnit(channels, dilation, groups);
        using var scope = NewDisposeScope();
        using var none = no_grad();
        foreach (var (name, parameter) in unit.named_parameters())
            if (name.EndsWith("alpha", StringComparison.Ordinal))
                parameter.uniform_(0.2, 3);
        unit.eval();
        return unit;
    }
}
