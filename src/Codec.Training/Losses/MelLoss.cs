using Codec.Core.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Training.Losses;

/// <summary>
/// Multi-scale mel distance: mean absolute difference of log-mel magnitudes, averaged over window lengths (as in DAC, Kumar et al. 2023).
/// The gradient is written out (<see cref="WindowedFrames"/>).
/// </summary>
public sealed class MelLoss : IDisposable
{
    // Magnitudes below this count as silence (about the noise of 16-bit audio). Scalars are kept, since TorchSharp may collect
    // one that was made in passing while libtorch still reads it.
    private static readonly Scalar Floor = 1e-3, Tiny = 1e-9;

    private readonly Scale[] _scales;

    private sealed record Scale(WindowedFrames Frames, Tensor Filters_FM);

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
        return WindowedFrames.Carry(loss, output_BS, gradient_BS).MoveToOuterDisposeScope();
    }

    private static Tensor Accumulate(Scale scale, Tensor output_BS, Tensor target_BS, Tensor gradient_BS)
    {
        using var scope = NewDisposeScope();
        var spectrum_BNF = scale.Frames.Spectrum(output_BS);
        var magnitude_BNF = SpectrumKernels.Magnitude(spectrum_BNF);
        var mel_BNM = matmul(magnitude_BNF, scale.Filters_FM).add_(Floor);
        var target_BNM = matmul(SpectrumKernels.Magnitude(scale.Frames.Spectrum(target_BS)), scale.Filters_FM).add_(Floor);
        var difference_BNM = mel_BNM.log().sub_(target_BNM.log_());
        var loss = difference_BNM.abs().mean();

        var slope_BNM = difference_BNM.sign_().div_(mel_BNM).div_(difference_BNM.numel());
        var slope_BNF = matmul(slope_BNM, scale.Filters_FM.t()).div_(magnitude_BNF.add_(Tiny));
        scale.Frames.AddGradient(spectrum_BNF, slope_BNF, gradient_BS);
        return loss.MoveToOuterDisposeScope();
    }

    private static Scale MakeScale(int sampleRate, int window, int bands, Device device)
    {
        using var scope = NewDisposeScope();
        var bins = window / 2 + 1;
        return new Scale(new WindowedFrames(window, window / 4, window / 2, device),
            tensor(Filters(sampleRate, window, bands), [bins, bands]).to(device).DetachFromDisposeScope());
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
            scale.Frames.Dispose();
            scale.Filters_FM.Dispose();
        }
    }
}
