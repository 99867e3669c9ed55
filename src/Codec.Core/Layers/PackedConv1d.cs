using Codec.Core.Kernels;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Layers;

/// <summary>
/// Convolution with symmetric zero padding whose weight [O, I / groups, K] lies in memory as [O, K, I / groups]: what
/// channels-last inference wants. After <c>eval</c>, float32 convolutions of all channels run by an own kernel, whose weights are packed when
/// they first run and must not change afterwards. Checkpoint keys: weight, bias.
/// </summary>
public sealed class PackedConv1d : nn.Module<Tensor, Tensor>, IReducibleLayer
{
    private readonly Parameter weight;
    private readonly Parameter? bias;
    private readonly int _stride, _padding, _dilation, _groups;
    private readonly Lazy<FrameConv> _packed;
    private bool _reduced;

    public PackedConv1d(int input, int output, int kernel, int stride = 1, int padding = 0, int dilation = 1, int groups = 1, bool hasBias = true)
        : base(nameof(PackedConv1d))
    {
        (_stride, _padding, _dilation, _groups) = (stride, padding, dilation, groups);
        var bound = 1 / Math.Sqrt((double)input / groups * kernel);
        weight = PackedInit.Weight(output, input / groups, kernel, bound);
        if (hasBias)
            bias = PackedInit.Bias(output, bound);
        _packed = new Lazy<FrameConv>(() => FrameConv.Of(new ConvShape(input, kernel, output, stride, dilation), () => weight, () => bias, _reduced));
        RegisterComponents();
    }

    /// <summary>False: float32 stays with libtorch, whose rounding the recorded cases share. Norms over few numbers enlarge the difference a hundredfold.</summary>
    public bool OwnKernel { get; init; } = true;

    internal Parameter Weight => weight;

    internal Parameter? Bias => bias;

    /// <param name="x_BCT">[B, I, T].</param>
    /// <returns>[B, O, (T + 2 padding - dilation (K - 1) - 1) / stride + 1]; channels-last in inference on a CPU.</returns>
    public override Tensor forward(Tensor x_BCT) => Forward(x_BCT, _padding);

    /// <summary>The same without the built-in padding.</summary>
    public Tensor Unpadded(Tensor x_BCT) => Forward(x_BCT, 0);

    /// <summary>Sizes that the length arithmetic of chunked coding needs.</summary>
    public ConvGeometry Geometry => new((int)weight.size(2), _stride, _dilation, Transposed: false);

    void IReducibleLayer.Reduce() => _reduced = true;

    protected override void Dispose(bool disposing)
    {
        if (disposing && _packed.IsValueCreated)
            _packed.Value.Dispose();
        base.Dispose(disposing);
    }

    private Tensor Forward(Tensor x_BCT, int padding)
    {
        if (!ChannelsLast.Applies(x_BCT))
            return F.conv1d(x_BCT, weight, bias, _stride, padding, _dilation, _groups);
        if (DepthwiseConv.Applies(x_BCT, weight, _stride, _groups))
            return DepthwiseConv.Run(x_BCT, weight, bias, padding, _dilation);
        if (ThinConv.Applies(x_BCT, weight, _stride, _groups))
            return ThinConv.Run(x_BCT, weight, bias, padding, _dilation);
        if (OwnKernel && FrameConv.Applies(x_BCT, weight) && _groups == 1 && !training)
            return Dense(x_BCT, padding);
        return ChannelsLast.Conv1d(x_BCT, weight, bias, _stride, padding, _dilation, _groups);
    }

    private Tensor Dense(Tensor x_BCT, int padding)
    {
        using var scope = NewDisposeScope();
        return _packed.Value.RunPadded(x_BCT.transpose(1, 2).contiguous(), padding).transpose(1, 2).MoveToOuterDisposeScope();
    }
}
