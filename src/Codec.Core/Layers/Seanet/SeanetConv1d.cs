using Codec.Core.Kernels;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Layers.Seanet;

/// <summary>Sizes of one convolution.</summary>
public sealed record SeanetConvConfig(int Input, int Output, int Kernel)
{
    public int Stride { get; init; } = 1;

    public int Dilation { get; init; } = 1;

    public bool Bias { get; init; } = true;

    public bool Causal { get; init; }

    public PadMode PadMode { get; init; } = PadMode.Reflect;

    public bool TimeGroupNorm { get; init; }

    /// <summary>Transposed convolutions: part of the superfluous samples that is cut off at the right.</summary>
    public double TrimRightRatio { get; init; } = 1;

    /// <summary>Transposed convolutions: one filter per channel.</summary>
    public bool Depthwise { get; init; }
}

/// <summary>
/// Convolution with SEANet padding: T frames give ceil(T / stride). Checkpoint keys: conv.conv.{weight, bias},
/// conv.norm.{weight, bias}; weight-norm pairs are folded when loaded.
/// </summary>
public sealed class SeanetConv1d : nn.Module<Tensor, Tensor>, IFrameLayer, IReducibleLayer
{
    private readonly NormConv1d conv;
    private readonly SeanetConvConfig _config;
    private readonly ConvPadding _padding;
    private readonly ConvStream _stream;
    private readonly Lazy<FrameConv> _packed;
    private bool _reduced;

    public SeanetConv1d(SeanetConvConfig config) : base(nameof(SeanetConv1d))
    {
        _config = config;
        conv = new NormConv1d(config.Input, config.Output, config.Kernel, config.Stride, config.Dilation, 1, config.Bias, config.TimeGroupNorm);
        _padding = new ConvPadding((config.Kernel - 1) * config.Dilation + 1, config.Stride, config.Causal, config.PadMode);
        _stream = new ConvStream(_padding);
        _packed = new Lazy<FrameConv>(() => FrameConv.Of(
            new ConvShape(config.Input, config.Kernel, config.Output, config.Stride, config.Dilation), () => conv.Weight, () => conv.Bias, _reduced));
        RegisterComponents();
    }

    /// <param name="x_BCT">[B, Input, T].</param>
    /// <returns>[B, Output, ceil(T / Stride)].</returns>
    public override Tensor forward(Tensor x_BCT)
    {
        using var scope = NewDisposeScope();
        var y_BCT = F.conv1d(_padding.Apply(x_BCT), conv.Weight, conv.Bias, _config.Stride, dilation: _config.Dilation);
        return (conv.Norm is null ? y_BCT : conv.Norm.forward(y_BCT)).MoveToOuterDisposeScope();
    }

    public Tensor Run(Tensor x_BTC, StreamState? state, bool elu = false) => Run(x_BTC, state, elu, eluInput: false, add_BTC: null);

    /// <param name="x_BTC">Frames without gaps.</param>
    /// <param name="state">What the stream remembers; null: these are all frames.</param>
    /// <param name="elu">Applies ELU to the result (after the addition).</param>
    /// <param name="eluInput">Applies ELU to the input.</param>
    /// <param name="add_BTC">Added to the result.</param>
    public Tensor Run(Tensor x_BTC, StreamState? state, bool elu, bool eluInput, Tensor? add_BTC)
    {
        using var scope = NewDisposeScope();
        var windows_BTC = _stream.Next(this, x_BTC, state, eluInput);
        if (conv.Norm is null)
            return _packed.Value.Run(windows_BTC, add_BTC, elu).MoveToOuterDisposeScope();
        var y_BTC = FrameNorm.Run(_packed.Value.Run(windows_BTC), conv.Norm);
        return FrameNorm.Finish(y_BTC, add_BTC, elu).MoveToOuterDisposeScope();
    }

    void IReducibleLayer.Reduce() => _reduced = true;

    protected override void Dispose(bool disposing)
    {
        if (disposing && _packed.IsValueCreated)
            _packed.Value.Dispose();
        base.Dispose(disposing);
    }
}
