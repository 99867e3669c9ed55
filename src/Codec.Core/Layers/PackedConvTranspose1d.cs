using Codec.Core.Kernels;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Layers;

/// <summary>
/// Transposed convolution whose weight [I, O, K] lies in memory as [I, K, O], see <see cref="PackedConv1d"/>.
/// Checkpoint keys: weight, bias.
/// </summary>
public sealed class PackedConvTranspose1d : nn.Module<Tensor, Tensor>, IReducibleLayer
{
    private readonly Parameter weight, bias;
    private readonly int _stride, _padding, _outputPadding;
    private readonly Lazy<FrameConv> _packed;
    private bool _reduced;

    public PackedConvTranspose1d(int input, int output, int kernel, int stride, int padding = 0, int outputPadding = 0)
        : base(nameof(PackedConvTranspose1d))
    {
        (_stride, _padding, _outputPadding) = (stride, padding, outputPadding);
        var bound = 1 / Math.Sqrt((double)output * kernel);
        weight = PackedInit.Weight(input, output, kernel, bound);
        bias = PackedInit.Bias(output, bound);
        _packed = new Lazy<FrameConv>(() => FrameConv.OfTransposed(weight, bias, stride, reduced: _reduced));
        RegisterComponents();
    }

    /// <summary>Sizes that the length arithmetic of chunked coding needs.</summary>
    public ConvGeometry Geometry => new((int)weight.size(2), _stride, 1, Transposed: true);

    /// <param name="x_BCT">[B, I, T].</param>
    /// <returns>[B, O, (T - 1) stride + K - 2 padding + outputPadding]; channels-last in inference on a CPU.</returns>
    public override Tensor forward(Tensor x_BCT) => Forward(x_BCT, _padding, _outputPadding);

    /// <summary>The same without trimming.</summary>
    public Tensor Unpadded(Tensor x_BCT) => Forward(x_BCT, 0, 0);

    void IReducibleLayer.Reduce() => _reduced = true;

    protected override void Dispose(bool disposing)
    {
        if (disposing && _packed.IsValueCreated)
            _packed.Value.Dispose();
        base.Dispose(disposing);
    }

    private Tensor Forward(Tensor x_BCT, int padding, int outputPadding)
    {
        if (!ChannelsLast.Applies(x_BCT))
            return F.conv_transpose1d(x_BCT, weight, bias, _stride, padding, outputPadding);
        return FrameConv.Applies(x_BCT, weight) && !training
            ? Dense(x_BCT, padding, outputPadding)
            : ChannelsLast.ConvTranspose1d(x_BCT, weight, bias, _stride, padding, outputPadding);
    }

    private Tensor Dense(Tensor x_BCT, int padding, int outputPadding)
    {
        using var scope = NewDisposeScope();
        var (kernel, frames) = ((int)weight.size(2), x_BCT.size(2));
        var length = (frames - 1) * _stride + kernel - 2 * padding + outputPadding;
        var y_BTC = _packed.Value.RunPadded(x_BCT.transpose(1, 2).contiguous(), (kernel + _stride - 1) / _stride - 1);
        return y_BTC.narrow(1, padding, length).contiguous().transpose(1, 2).MoveToOuterDisposeScope();
    }
}
