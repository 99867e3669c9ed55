using Codec.Core.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Training.Discriminators;

/// <summary>
/// Spectra of windowed frames, a quarter of the window apart, as one node of the graph with its gradient written out: libtorch's
/// backward of a real FFT works on full complex spectra.
/// </summary>
internal sealed class SpectrumFunction : GuardedFunction<SpectrumFunction>
{
    public override string Name => nameof(SpectrumFunction);

    /// <param name="audio_BS">[B, S].</param>
    /// <param name="window_W">[W], W even.</param>
    /// <returns>[B, 2, W / 2, N]: real and imaginary parts, without the highest bin.</returns>
    public static Tensor Of(Tensor audio_BS, Tensor window_W) => apply(audio_BS, window_W);

    protected override Tensor Forward(autograd.AutogradContext context, object[] inputs)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var (audio_BS, window_W) = ((Tensor)inputs[0], (Tensor)inputs[1]);
        var length = window_W.shape[0];
        var spectrum_BNF2 = view_as_real(fft.rfft(audio_BS.unfold(1, length, length / 4) * window_W).narrow(2, 0, length / 2));
        context.save_for_backward([audio_BS, window_W]);
        return spectrum_BNF2.permute(0, 3, 2, 1).contiguous().MoveToOuterDisposeScope();
    }

    protected override List<Tensor> Backward(autograd.AutogradContext context, Tensor gradient_B2FN)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var saved = context.get_saved_variables();
        var (audio_BS, window_W) = (saved[0], saved[1]);
        var (length, hop) = (window_W.shape[0], window_W.shape[0] / 4);
        // irfft divides by the length and takes all bins but the first twice: the adjoint of rfft does neither.
        var slope_BNF = view_as_complex(nn.functional.pad(gradient_B2FN.permute(0, 3, 2, 1), [0, 0, 0, 1]).contiguous()).mul_(length / 2f);
        slope_BNF.narrow(2, 0, 1).mul_(2f);
        var pieces_BNW = fft.irfft(slope_BNF, length).mul_(window_W);
        var sum_BS = zeros_like(audio_BS);
        var covered = (pieces_BNW.shape[1] + 3) * hop;
        sum_BS.narrow(1, 0, covered).copy_(InverseStft.OverlapAdd(pieces_BNW, (int)hop));
        return [sum_BS.MoveToOuterDisposeScope(), null!];
    }
}
