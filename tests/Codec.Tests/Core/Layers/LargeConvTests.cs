using Codec.Core.Layers;
using Codec.Core.Layers.Seanet;
using static TorchSharp.torch;

namespace Codec.Tests.Core.Layers;

/// <summary>Convolutions of so many weights that no copy of them is packed, as Mimi's last and DAC's first.</summary>
public sealed class LargeConvTests
{
    [Fact]
    public void Seanet_runs_on_the_weights_where_they_lie()
    {
        using var generator = manual_seed(1);
        using var layer = new SeanetConv1d(new SeanetConvConfig(512, 416, 16) { Stride = 8, Causal = true });
        using var scope = NewDisposeScope();
        var x_BTC = randn(1, 83, 512);
        layer.eval();
        using var none = no_grad();
        Tensors.Close(layer.forward(x_BTC.transpose(1, 2)), layer.Run(x_BTC, null).transpose(1, 2), 1e-5);
        Tensors.Equal(layer.Run(x_BTC, null), layer.Run(x_BTC, null));
    }

    [Fact]
    public void Packed_convolutions_too()
    {
        using var generator = manual_seed(2);
        using var layer = new PackedConv1d(512, 1500, 7, padding: 3);
        using var scope = NewDisposeScope();
        var x_BCT = randn(2, 512, 29);
        layer.eval();
        var plain = layer.forward(x_BCT).detach();
        using var none = no_grad();
        Tensors.Close(plain, layer.forward(x_BCT), 1e-5);
    }
}
