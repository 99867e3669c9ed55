using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Training.Losses;

/// <summary>
/// Multi-scale mel distance: mean absolute difference of log-mel magnitudes, averaged over window lengths (as in DAC, Kumar et al. 2023).
/// The gradient is written out: libtorch's backward of a real FFT works on full complex spectra and takes four times as long.
/// </summary>
public sealed class MelLoss : IDisposable
{
    // Magnitudes below this count as silence (about the noise of 16-bit audio). Scalars are kept, since TorchSharp may collect
    // one that was made in passing while libtorch still reads it.
    private static readonly Scalar Floor = 1e-3, Tiny = 1e-9;

    private readonly Scale[] _scales;

    private sealed record Scale(int Window, Tensor Shape_W, Tensor Filters_FM, Tensor Adjoint_F);

    /// <param name="sampleRate">Hz.</param>
    /// <param name="windows">Window lengths, samples, multiples of 4; the hop is a quarter.</param>
    /// <param name="mels">Mel bands per window.</param>
    /// <param name="device">Where the compared audio lives.</param>
    public MelLoss(int sampleRate, IReadOnlyList<int> windows, IReadOnlyList<int> mels, Device device)
        => _scales = windows.Zip(mels, (window, bands) => MakeScale(sampleRate, window, bands, device)).ToArray();

    /// <param name="output_BS">Audio under training, [B, S].</param>
    /// <param name="target_BS">What it should sound like, same shape.</param>
    /// <returns>Scalar: mean over scales; its gradient flows to <paramref name="output_BS"/>.</returns>
    public Tensor Compute(Tensor output_BS, Tensor target_BS)
    {
        using var scope = NewDisposeScope();
        Tensor loss, gradient_BS;
        using (no_grad())
        {
            loss = zeros(1, device: output_BS.device);
            gradient_BS = zeros_like(output_BS);
            foreach (var scale in _scales)
                loss.add_(Accumulate(scale, output_BS, target_BS, gradient_BS));
            loss = loss.div(_scales.Length).squeeze();
            gradient_BS.div_(_scales.Length);
        }
        if (!output_BS.requires_grad)
            return loss.MoveToOuterDisposeScope();
        // A product with the known gradient carries it; its own value is taken out again.
        var carrier = (output_BS * gradient_BS).sum();
        return (carrier - carrier.detach() + loss).MoveToOuterDisposeScope();
    }

    private static Tensor Accumulate(Scale scale, Tensor output_BS, Tensor target_BS, Tensor gradient_BS)
    {
        using var scope = NewDisposeScope();
        var spectrum_BNF = Spectrum(scale, output_BS);
        var magnitude_BNF = spectrum_BNF.abs();
        var mel_BNM = matmul(magnitude_BNF, scale.Filters_FM).add_(Floor);
        var target_BNM = matmul(Spectrum(scale, target_BS).abs(), scale.Filters_FM).add_(Floor);
        var difference_BNM = mel_BNM.log().sub_(target_BNM.log_());
        var loss = difference_BNM.abs().mean();

        var slope_BNM = difference_BNM.sign_().div_(mel_BNM).div_(difference_BNM.numel());
        var slope_BNF = matmul(slope_BNM, scale.Filters_FM.t()).div_(magnitude_BNF.add_(Tiny)).mul_(scale.Adjoint_F);
        var pieces_BNW = fft.irfft(spectrum_BNF.mul_(slope_BNF), scale.Window).mul_(scale.Shape_W);
        AddOverlapping(pieces_BNW, scale.Window, gradient_BS);
        return loss.MoveToOuterDisposeScope();
    }

    private static Tensor Spectrum(Scale scale, Tensor audio_BS)
    {
        using var scope = NewDisposeScope();
        var padded_BS = nn.functional.pad(audio_BS, [scale.Window / 2, scale.Window / 2]);
        return fft.rfft(padded_BS.unfold(1, scale.Window, scale.Window / 4) * scale.Shape_W).MoveToOuterDisposeScope();
    }

    /// <summary>The adjoint of cutting into frames.</summary>
    private static void AddOverlapping(Tensor pieces_BNW, int window, Tensor into_BS)
    {
        using var scope = NewDisposeScope();
        var (b, n, hop) = (pieces_BNW.shape[0], pieces_BNW.shape[1], window / 4);
        var pieces_BNPH = pieces_BNW.view(b, n, 4, hop);
        var sum_BNH = zeros(b, n + 3, hop, device: pieces_BNW.device);
        for (var p = 0; p < 4; p++)
            sum_BNH.narrow(1, p, n).add_(pieces_BNPH.select(2, p));
        var flat_BS = sum_BNH.view(b, -1);
        // The last samples may lie behind the last whole frame.
        var covered = Math.Min(into_BS.shape[1], flat_BS.shape[1] - window / 2);
        into_BS.narrow(1, 0, covered).add_(flat_BS.narrow(1, window / 2, covered));
    }

    private static Scale MakeScale(int sampleRate, int window, int bands, Device device)
    {
        using var scope = NewDisposeScope();
        var bins = window / 2 + 1;
        // irfft divides by the window and doubles all but the first and last bin: the adjoint of rfft does neither.
        var adjoint = Enumerable.Range(0, bins).Select(f => f == 0 || f == bins - 1 ? window : window / 2f).ToArray();
        return new Scale(window,
            hann_window(window).to(device).DetachFromDisposeScope(),
            tensor(Filters(sampleRate, window, bands), [bins, bands]).to(device).DetachFromDisposeScope(),
            tensor(adjoint).to(device).DetachFromDisposeScope());
    }

    /// <summary>Triangles of height 1 on the HTK mel scale, [F * M] row by row; a triangle narrower than a bin keeps its nearest bin.</summary>
    private static float[] Filters(int sampleRate, int window, int bands)
    {
        var bins = window / 2 + 1;
        double Mel(double hz) => 2595 * Math.Log10(1 + hz / 700);
        double Bin(double mel) => 700 * (Math.Pow(10, mel / 2595) - 1) * window / sampleRate;
        var edges = Enumerable.Range(0, bands + 2).Select(i => Bin(Mel(sampleRate / 2.0) * i / (bands + 1))).ToArray();
        var filters = new float[bins * bands];
        for (var m = 0; m < bands; m++)
        {
            var (low, mid, high) = (edges[m], edges[m + 1], edges[m + 2]);
            for (var f = 0; f < bins; f++)
                filters[f * bands + m] = (float)Math.Max(0, Math.Min((f - low) / (mid - low), (high - f) / (high - mid)));
            var nearest = Math.Min(bins - 1, (int)Math.Round(mid));
            filters[nearest * bands + m] = Math.Max(filters[nearest * bands + m], 1e-2f);
        }
        return filters;
    }

    public void Dispose()
    {
        foreach (var scale in _scales)
        {
            scale.Shape_W.Dispose();
            scale.Filters_FM.Dispose();
            scale.Adjoint_F.Dispose();
        }
    }
}
