using Codec.Core.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Training.Losses;

/// <summary>
/// Spectra of windowed frames whose gradient is written out: libtorch's backward of a real FFT works on full complex spectra and
/// takes four times as long. A loss computes its slope by hand and lets <see cref="Carry"/> hang it into the graph.
/// </summary>
internal sealed class WindowedFrames : IDisposable
{
    private readonly Tensor _window, _adjoint_F;
    private readonly int _length, _hop, _padding;

    /// <param name="length">Samples of a frame, even.</param>
    /// <param name="hop">Samples from one frame to the next, a divisor of the length.</param>
    /// <param name="padding">Zeros on both sides of the audio.</param>
    /// <param name="device">Where the audio lives.</param>
    public WindowedFrames(int length, int hop, int padding, Device device)
    {
        using var scope = NewDisposeScope();
        (_length, _hop, _padding) = (length, hop, padding);
        _window = hann_window(length).to(device).DetachFromDisposeScope();
        // irfft divides by the length and doubles all but the first and last bin: the adjoint of rfft does neither.
        var bins = length / 2 + 1;
        _adjoint_F = tensor(Enumerable.Range(0, bins).Select(f => f == 0 || f == bins - 1 ? length : length / 2f).ToArray()).to(device).DetachFromDisposeScope();
    }

    /// <param name="audio_BS">[B, S].</param>
    /// <returns>complex64 [B, N, F].</returns>
    public Tensor Spectrum(Tensor audio_BS)
    {
        using var scope = NewDisposeScope();
        var padded_BS = _padding == 0 ? audio_BS : nn.functional.pad(audio_BS, [_padding, _padding]);
        return fft.rfft(padded_BS.unfold(1, _length, _hop) * _window).MoveToOuterDisposeScope();
    }

    /// <summary>Adds the gradient of the audio.</summary>
    /// <param name="spectrum_BNF">Of the audio; is overwritten.</param>
    /// <param name="slope_BNF">Real factors: the gradient of every bin is the bin times its factor. Is overwritten.</param>
    /// <param name="into_BS">Takes the gradient.</param>
    public void AddGradient(Tensor spectrum_BNF, Tensor slope_BNF, Tensor into_BS)
    {
        using var scope = NewDisposeScope();
        var pieces_BNW = fft.irfft(SpectrumKernels.Scale(spectrum_BNF, slope_BNF.mul_(_adjoint_F)), _length).mul_(_window);
        var (b, n, parts) = (pieces_BNW.shape[0], pieces_BNW.shape[1], _length / _hop);
        var pieces_BNPH = pieces_BNW.view(b, n, parts, _hop);
        var sum_BNH = zeros(b, n + parts - 1, _hop, device: pieces_BNW.device);
        for (var p = 0; p < parts; p++)
            sum_BNH.narrow(1, p, n).add_(pieces_BNPH.select(2, p));
        var flat_BS = sum_BNH.view(b, -1);
        // The last samples may lie behind the last whole frame.
        var covered = Math.Min(into_BS.shape[1], flat_BS.shape[1] - _padding);
        into_BS.narrow(1, 0, covered).add_(flat_BS.narrow(1, _padding, covered));
    }

    /// <summary>A loss with a known gradient as a node of the graph.</summary>
    /// <param name="loss">Scalar, its value.</param>
    /// <param name="output_BS">What the gradient flows to.</param>
    /// <param name="gradient_BS">The gradient.</param>
    public static Tensor Carry(Tensor loss, Tensor output_BS, Tensor gradient_BS)
    {
        using var scope = NewDisposeScope();
        if (!output_BS.requires_grad)
            return loss.alias().MoveToOuterDisposeScope();
        // A product with the known gradient carries it; its own value is taken out again.
        var carrier = (output_BS * gradient_BS).sum();
        return (carrier - carrier.detach() + loss).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        _window.Dispose();
        _adjoint_F.Dispose();
    }
}
