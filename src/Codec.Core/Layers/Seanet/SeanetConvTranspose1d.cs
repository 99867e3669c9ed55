using Codec.Core.Kernels;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Layers.Seanet;

/// <summary>
/// Transposed convolution trimmed to T x stride frames. Checkpoint keys: convtr.convtr.{weight, bias},
/// convtr.norm.{weight, bias}. A causal one that trims at the right only can be streamed.
/// </summary>
public sealed class SeanetConvTranspose1d : nn.Module<Tensor, Tensor>, IFrameLayer, IReducibleLayer
{
    private readonly NormConvTranspose1d convtr;
    private readonly SeanetConvConfig _config;
    private readonly int _left, _right, _taps;
    private readonly ConvStream _stream;
    private readonly Lazy<FrameConv> _packed;
    private bool _reduced;

    public SeanetConvTranspose1d(SeanetConvConfig config) : base(nameof(SeanetConvTranspose1d))
    {
        _config = config;
        var superfluous = config.Kernel - config.Stride;
        _right = config.Causal ? (int)Math.Ceiling(superfluous * config.TrimRightRatio) : superfluous / 2;
        _left = superfluous - _right;
        convtr = new NormConvTranspose1d(config.Input, config.Output, config.Kernel, config.Stride, config.Depthwise ? config.Input : 1, config.Bias, config.TimeGroupNorm);
        _taps = (config.Kernel + config.Stride - 1) / config.Stride;
        // The first frames of output depend on frames before the signal, which are zeros.
        _stream = new ConvStream(new ConvPadding(_taps, 1, Causal: true, PadMode.Zero));
        _packed = new Lazy<FrameConv>(Pack);
        RegisterComponents();
    }

    /// <param name="x_BCT">[B, Input, T].</param>
    /// <returns>[B, Output, T x Stride].</returns>
    public override Tensor forward(Tensor x_BCT)
    {
        using var scope = NewDisposeScope();
        var groups = _config.Depthwise ? _config.Input : 1;
        var y_BCT = F.conv_transpose1d(x_BCT, convtr.Weight, convtr.Bias, _config.Stride, groups: groups);
        if (convtr.Norm is not null)
            y_BCT = convtr.Norm.forward(y_BCT);
        return y_BCT.narrow(-1, _left, y_BCT.shape[^1] - _left - _right).MoveToOuterDisposeScope();
    }

    public Tensor Run(Tensor x_BTC, StreamState? state, bool elu = false)
    {
        using var scope = NewDisposeScope();
        if (state is not null && (_left > 0 || convtr.Norm is not null))
            throw new NotSupportedException("a transposed convolution that looks ahead cannot be streamed");
        if (state is not null || (_left == 0 && convtr.Norm is null))
            return _packed.Value.Run(_stream.Next(this, x_BTC, state, elu: false), elu: elu).MoveToOuterDisposeScope();
        var frames = x_BTC.size(1);
        var padded_BTC = empty(x_BTC.size(0), frames + 2 * (_taps - 1), x_BTC.size(2));
        var target = new FrameMemory(padded_BTC);
        new FrameMemory(x_BTC).CopyTo(target, _taps - 1);
        new ConvPadding(1, 1, true, PadMode.Zero).FillEnds(target, _taps - 1, frames, _taps - 1);
        var fused = convtr.Norm is null && elu;
        var y_BTC = _packed.Value.Run(padded_BTC, elu: fused).narrow(1, 0, (frames - 1) * _config.Stride + _config.Kernel).contiguous();
        if (convtr.Norm is not null)
            y_BTC = FrameNorm.Finish(FrameNorm.Run(y_BTC, convtr.Norm), null, elu);
        return y_BTC.narrow(1, _left, frames * _config.Stride).contiguous().MoveToOuterDisposeScope();
    }

    void IReducibleLayer.Reduce() => _reduced = true;

    protected override void Dispose(bool disposing)
    {
        if (disposing && _packed.IsValueCreated)
            _packed.Value.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>One filter per channel is spread over the diagonal.</summary>
    private FrameConv Pack()
    {
        if (!_config.Depthwise)
            return FrameConv.OfTransposed(convtr.Weight, convtr.Bias, _config.Stride, reduced: _reduced);
        using var scope = NewDisposeScope();
        return FrameConv.OfTransposed(diag_embed(convtr.Weight.squeeze(1).t()).permute(1, 2, 0), convtr.Bias, _config.Stride, atOnce: true);
    }
}
