using Codec.Core.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Vocos;

/// <summary>Hidden states to samples by an inverse STFT or MDCT. Keys: out, istft.window or imdct.window.</summary>
public sealed class VocosHead : nn.Module
{
    private const double Ceiling = 100; // of magnitudes and coefficients: keeps early training finite

    private readonly Linear @out;
    private readonly InverseStft? istft;
    private readonly InverseMdct? imdct;
    private readonly VocosHeadKind _kind;

    public VocosHead(VocosHeadConfig config) : base(nameof(VocosHead))
    {
        _kind = config.Validate().Kind;
        @out = nn.Linear(config.Dim, _kind switch
        {
            VocosHeadKind.Stft => config.FrameLength + 2,
            VocosHeadKind.ImdctSymExp => config.FrameLength / 2,
            _ => config.FrameLength,
        });
        if (_kind == VocosHeadKind.Stft)
            istft = new InverseStft(config.FrameLength, config.HopLength, config.Padding);
        else
            imdct = new InverseMdct(config.FrameLength, config.Padding);
        RegisterComponents();
    }

    /// <param name="x_BTC">[B, T, Dim].</param>
    /// <param name="observe">Sees "head.out", and of an STFT "stft_magnitude" and "stft_phase" [B, N/2+1, T].</param>
    /// <returns>[B, samples].</returns>
    public Tensor Run(Tensor x_BTC, Action<string, Tensor>? observe = null)
    {
        using var scope = NewDisposeScope();
        var y = @out.forward(x_BTC);
        observe?.Invoke("head.out", y);
        if (imdct is not null)
            return imdct.forward(Coefficients(y)).MoveToOuterDisposeScope();
        var halves = y.chunk(2, -1);
        var magnitude = halves[0].exp().clamp_max_(Ceiling);
        observe?.Invoke("stft_magnitude", magnitude.transpose(1, 2));
        observe?.Invoke("stft_phase", halves[1].transpose(1, 2));
        return istft!.forward(magnitude, halves[1]).MoveToOuterDisposeScope();
    }

    private Tensor Coefficients(Tensor y)
    {
        if (_kind == VocosHeadKind.ImdctSymExp)
            return (y.sign() * (y.abs().exp() - 1)).clamp(-Ceiling, Ceiling);
        var halves = y.chunk(2, -1);
        return halves[0].exp().clamp_max(Ceiling) * halves[1].cos();
    }
}

/// <summary>
/// Inverse MDCT (Princen and Bradley 1986) with a sine window and overlap-add of half frames. Key: window.
/// The published twiddle factors follow from the length and are not loaded.
/// </summary>
public sealed class InverseMdct : nn.Module<Tensor, Tensor>
{
    private readonly Tensor window;
    private readonly int _frame;
    private readonly FramePadding _padding;
    private readonly float[] _basis; // [N, M], windowed

    /// <param name="frame">M; N = M / 2 coefficients and hop N.</param>
    /// <param name="padding">What is cut off at the ends: a quarter frame, or half of one.</param>
    public InverseMdct(int frame, FramePadding padding) : base(nameof(InverseMdct))
    {
        (_frame, _padding) = (frame, padding);
        var n = frame / 2;
        window = tensor([.. Enumerable.Range(0, frame).Select(i => (float)Math.Sin(Math.PI * (i + 0.5) / frame))]).DetachFromDisposeScope();
        _basis = new float[n * frame];
        for (var k = 0; k < n; k++)
            for (var i = 0; i < frame; i++)
                _basis[k * frame + i] = (float)(Math.Sqrt(2.0 / n) * Math.Cos(Math.PI / n * (i + 0.5 + n / 2.0) * (k + 0.5)));
        RegisterComponents();
    }

    /// <param name="coefficients_BTN">[B, T, N].</param>
    /// <returns>[B, samples].</returns>
    public override Tensor forward(Tensor coefficients_BTN)
    {
        using var scope = NewDisposeScope();
        var basis = tensor(_basis, [_frame / 2, _frame], device: coefficients_BTN.device);
        var sum = InverseStft.OverlapAdd(coefficients_BTN.matmul(basis) * window, _frame / 2);
        var cut = _padding == FramePadding.Same ? _frame / 4 : _frame / 2;
        return sum.narrow(1, cut, sum.shape[1] - 2 * cut).contiguous().MoveToOuterDisposeScope();
    }
}
