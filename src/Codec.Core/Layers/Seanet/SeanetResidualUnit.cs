using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Layers.Seanet;

/// <summary>
/// shortcut(x) + conv1(elu(conv3(elu(x)))). Checkpoint keys: block.1.*, block.3.*, shortcut.*; the shortcut is the identity
/// where the model says so.
/// </summary>
public sealed class SeanetResidualUnit : nn.Module<Tensor, Tensor>, IFrameLayer
{
    private readonly ModuleList<nn.Module<Tensor, Tensor>> block;
    private readonly SeanetConv1d? shortcut;

    public SeanetResidualUnit(SeanetConfig config, int channels, int dilation) : base(nameof(SeanetResidualUnit))
    {
        SeanetConvConfig Conv(int input, int output, int kernel, int d = 1) => new(input, output, kernel)
        {
            Dilation = d, Causal = config.Causal, PadMode = config.PadMode, TimeGroupNorm = config.TimeGroupNorm,
        };
        var inner = channels / config.Compress;
        block = new ModuleList<nn.Module<Tensor, Tensor>>(
            new Elu(), new SeanetConv1d(Conv(channels, inner, config.ResidualKernel, dilation)),
            new Elu(), new SeanetConv1d(Conv(inner, channels, 1)));
        shortcut = config.TrueSkip ? null : new SeanetConv1d(Conv(channels, channels, 1));
        RegisterComponents();
    }

    /// <param name="x_BCT">Features.</param>
    /// <returns>Same shape.</returns>
    public override Tensor forward(Tensor x_BCT)
    {
        using var scope = NewDisposeScope();
        var y_BCT = x_BCT;
        foreach (var layer in block)
            y_BCT = layer.forward(y_BCT);
        return (y_BCT + (shortcut is null ? x_BCT : shortcut.forward(x_BCT))).MoveToOuterDisposeScope();
    }

    public Tensor Run(Tensor x_BTC, StreamState? state, bool elu = false)
    {
        var (first, second) = ((SeanetConv1d)block[1], (SeanetConv1d)block[3]);
        using var scope = NewDisposeScope();
        var hidden_BTC = first.Run(x_BTC, state, elu: true, eluInput: true, add_BTC: null);
        var skip_BTC = FrameDelay.Next(this, shortcut is null ? x_BTC : shortcut.Run(x_BTC, state), hidden_BTC.size(1), state);
        return second.Run(hidden_BTC, state, elu, eluInput: false, skip_BTC).MoveToOuterDisposeScope();
    }
}
