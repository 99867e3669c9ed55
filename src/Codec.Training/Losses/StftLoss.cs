using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Training.Losses;

/// <summary>Multi-resolution STFT loss (Yamamoto, Song and Kim 2020): spectral convergence plus distance of log magnitudes.</summary>
public sealed class StftLoss : IDisposable
{
    private const float Floor = 1e-3f;

    private readonly (int Window, Tensor Shape_W)[] _scales;

    /// <param name="windows">Window lengths, samples; the hop is a quarter.</param>
    /// <param name="device">Where the compared audio lives.</param>
    public StftLoss(IReadOnlyList<int> windows, Device device)
        => _scales = windows.Select(window => (window, hann_window(window, device: device).DetachFromDisposeScope())).ToArray();

    /// <param name="output_BS">Audio under training, [B, S].</param>
    /// <param name="target_BS">Same shape.</param>
    /// <returns>Scalar: mean over scales.</returns>
    public Tensor Compute(Tensor output_BS, Tensor target_BS)
    {
        using var scope = NewDisposeScope();
        Tensor? sum = null;
        foreach (var (window, shape_W) in _scales)
        {
            var magnitude_BNF = Spectra.Magnitudes(cat([output_BS, target_BS]), window, shape_W);
            var half = output_BS.shape[0];
            var (y_BNF, x_BNF) = (magnitude_BNF.narrow(0, 0, half), magnitude_BNF.narrow(0, half, half).detach());
            var convergence = ((y_BNF - x_BNF).pow(2).sum() / (x_BNF.pow(2).sum() + 1e-6)).sqrt();
            var distance = ((y_BNF + Floor).log() - (x_BNF + Floor).log()).abs().mean();
            sum = sum is null ? convergence + distance : sum + convergence + distance;
        }
        return (sum! / _scales.Length).MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        foreach (var (_, shape) in _scales)
            shape.Dispose();
    }
}

/// <summary>Differentiable spectra.</summary>
internal static class Spectra
{
    /// <summary>Magnitudes of a centred STFT with reflected edges and a hop of a quarter window.</summary>
    /// <param name="audio_BS">[B, S].</param>
    /// <param name="window">Samples.</param>
    /// <param name="shape_W">Window function.</param>
    /// <returns>[B, N, window / 2 + 1].</returns>
    public static Tensor Magnitudes(Tensor audio_BS, int window, Tensor shape_W)
    {
        using var scope = NewDisposeScope();
        var padded = nn.functional.pad(audio_BS.unsqueeze(1), [window / 2, window / 2], PaddingModes.Reflect).squeeze(1);
        return fft.rfft(padded.unfold(1, window, window / 4) * shape_W).abs().MoveToOuterDisposeScope();
    }
}
