using Codec.Core.Kernels;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Layers;

/// <summary>Residual unit of DAC and SNAC: x + conv1(snake(conv7(snake(x)))). Keys: block.0 to block.3.</summary>
public sealed class SnakeUnit : nn.Module<Tensor, Tensor>, IReducibleLayer
{
    private const int Kernel = 7;

    private readonly ModuleList<nn.Module<Tensor, Tensor>> block;
    private readonly Lazy<SnakeUnitRows> _packed;
    private bool _reduced;

    /// <param name="channels">C.</param>
    /// <param name="dilation">Of the wide convolution.</param>
    /// <param name="groups">Of the wide convolution.</param>
    public SnakeUnit(int channels, int dilation, int groups = 1) : base(nameof(SnakeUnit))
    {
        block = new ModuleList<nn.Module<Tensor, Tensor>>(
            new Snake(channels),
            new PackedConv1d(channels, channels, Kernel, padding: dilation * (Kernel - 1) / 2, dilation: dilation, groups: groups),
            new Snake(channels),
            new PackedConv1d(channels, channels, 1));
        _packed = new Lazy<SnakeUnitRows>(() => Pack(dilation));
        RegisterComponents();
    }

    /// <summary>The convolutions in order.</summary>
    public IEnumerable<ConvGeometry> Geometry => [((PackedConv1d)block[1]).Geometry, ((PackedConv1d)block[3]).Geometry];

    /// <summary>
    /// The same, overwriting <paramref name="x_BCT"/> where that is possible (inference after <c>eval</c> on a CPU); else a new tensor. The weights are
    /// packed when this first runs and must not change afterwards.
    /// </summary>
    public Tensor ForwardInPlace(Tensor x_BCT)
    {
        if (training || x_BCT.dtype != ScalarType.Float32 || !ChannelsLast.Applies(x_BCT) || !ChannelsLast.Is(x_BCT))
            return forward(x_BCT);
        using var x_BTC = x_BCT.transpose(1, 2);
        _packed.Value.Run(x_BTC);
        return x_BCT.alias();
    }

    /// <param name="x_BCT">Features.</param>
    /// <returns>Same shape.</returns>
    public override Tensor forward(Tensor x_BCT) => Run(x_BCT, padded: true);

    /// <param name="x_BCT">Features.</param>
    /// <param name="padded">False: no zero padding; the result is shorter and the input is cropped to it.</param>
    public Tensor Run(Tensor x_BCT, bool padded)
    {
        using var scope = NewDisposeScope();
        var wide = (PackedConv1d)block[1];
        var y_BCT = Chain.Run(x_BCT, [block[0].forward, padded ? wide.forward : wide.Unpadded, ((Snake)block[2]).ForwardInPlace, block[3].forward]);
        var cut = (x_BCT.shape[^1] - y_BCT.shape[^1]) / 2;
        var skip_BCT = cut > 0 ? x_BCT.narrow(-1, cut, y_BCT.shape[^1]) : x_BCT;
        return (is_grad_enabled() ? y_BCT + skip_BCT : y_BCT.add_(skip_BCT)).MoveToOuterDisposeScope();
    }

    void IReducibleLayer.Reduce() => _reduced = true;

    protected override void Dispose(bool disposing)
    {
        if (disposing && _packed.IsValueCreated)
            _packed.Value.Dispose();
        base.Dispose(disposing);
    }

    private SnakeUnitRows Pack(int dilation)
    {
        var (wide, narrow) = ((PackedConv1d)block[1], (PackedConv1d)block[3]);
        return new SnakeUnitRows(new SnakeUnitWeights(((Snake)block[0]).Alpha, wide.Weight, wide.Bias!, dilation, ((Snake)block[2]).Alpha, narrow.Weight, narrow.Bias!, _reduced));
    }
}
