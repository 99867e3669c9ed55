using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Layers;

/// <summary>
/// Depthwise convolution over time in [B, T, C] that sees only the past: channels-last conv2d of height 1,
/// which on CPUs is several times faster than conv1d on [B, C, T].
/// </summary>
public sealed class CausalDepthwiseConv1d : nn.Module<Tensor, StreamState?, Tensor>
{
    private readonly Parameter weight, bias;
    private readonly int _kernel;

    public CausalDepthwiseConv1d(int channels, int kernel) : base(nameof(CausalDepthwiseConv1d))
    {
        _kernel = kernel;
        weight = new Parameter(empty(channels, 1, 1, kernel));
        bias = new Parameter(zeros(channels));
        var bound = 1 / Math.Sqrt(kernel);
        nn.init.uniform_(weight, -bound, bound);
        RegisterComponents();
    }

    /// <summary>[C, 1, 1, kernel], the oldest frame first.</summary>
    internal Parameter Weight => weight;

    /// <summary>[C].</summary>
    internal Parameter Bias => bias;

    /// <param name="x_BTC">[B, T, C].</param>
    /// <param name="state">Keeps the last kernel - 1 frames; null = offline, zeros before the start.</param>
    /// <returns>[B, T, C].</returns>
    public override Tensor forward(Tensor x_BTC, StreamState? state)
    {
        using var scope = NewDisposeScope();
        var (b, c) = (x_BTC.shape[0], x_BTC.shape[2]);
        var context = _kernel - 1;
        var past = state?.Slot(this, () => new TensorSlot(zeros(b, context, c, x_BTC.dtype, x_BTC.device)));
        var joined_BTC = past is null ? nn.functional.pad(x_BTC, [0, 0, context, 0]) : cat([past.Value, x_BTC], 1);
        past?.Set(joined_BTC.narrow(1, joined_BTC.shape[1] - context, context));
        var y_BC1T = nn.functional.conv2d(joined_BTC.transpose(1, 2).unsqueeze(2), weight, bias, groups: c);
        return y_BC1T.squeeze(2).transpose(1, 2).MoveToOuterDisposeScope();
    }
}
