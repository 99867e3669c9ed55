using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Training.Losses;

/// <summary>
/// Multi-scale spectral distance: mean absolute difference of log-mel magnitudes, summed over window lengths
/// (as in DAC, Kumar et al. 2023), optionally with the difference of log magnitudes of the bins themselves.
/// </summary>
public sealed class MelLoss : IDisposable
{
    /// <summary>Magnitudes below this count as silence (about the noise of 16-bit audio).</summary>
    private const float Floor = 1e-3f;

    private readonly (int Window, Tensor Shape_W, Tensor Filters_FM)[] _scales;

    /// <param name="sampleRate">Hz.</param>
    /// <param name="windows">Window lengths, samples; the hop is a quarter.</param>
    /// <param name="mels">Mel bands per window.</param>
    /// <param name="device">Where the compared audio lives.</param>
    public MelLoss(int sampleRate, IReadOnlyList<int> windows, IReadOnlyList<int> mels, Device device)
    {
        _scales = windows.Zip(mels, (window, bands) =>
        {
            using var hann = hann_window(window);
            using var filters = tensor(Filters(sampleRate, window, bands), [window / 2 + 1, bands]);
            return (window, hann.to(device).DetachFromDisposeScope(), filters.to(device).DetachFromDisposeScope());
        }).ToArray();
    }

    /// <param name="output_BS">Audio under training, [B, S].</param>
    /// <param name="target_BS">What it should sound like, same shape.</param>
    /// <returns>Scalar: mean over scales.</returns>
    public Tensor Compute(Tensor output_BS, Tensor target_BS)
    {
        using var scope = NewDisposeScope();
        Tensor? sum = null;
        foreach (var (window, shape_W, filters_FM) in _scales)
        {
            var both = cat([output_BS, target_BS]);
            var log_BNM = LogMel(both, window, shape_W, filters_FM);
            var half = output_BS.shape[0];
            var distance = (log_BNM.narrow(0, 0, half) - log_BNM.narrow(0, half, half).detach()).abs().mean();
            sum = sum is null ? distance : sum + distance;
        }
        return (sum! / _scales.Length).MoveToOuterDisposeScope();
    }

    private static Tensor LogMel(Tensor audio_BS, int window, Tensor shape_W, Tensor filters_FM)
    {
        using var scope = NewDisposeScope();
        var magnitude_BNF = Spectra.Magnitudes(audio_BS, window, shape_W);
        return matmul(magnitude_BNF, filters_FM).add(Floor).log().MoveToOuterDisposeScope();
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
        foreach (var (_, shape, filters) in _scales)
        {
            shape.Dispose();
            filters.Dispose();
        }
    }
}
