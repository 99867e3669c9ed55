using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Training.Discriminators;

/// <summary>
/// Convolutions over the frames of a complex STFT with the frequencies as channels, cut into bands that are judged apart (the band split of
/// DAC's discriminator, Kumar et al. 2023, without its convolutions over frequency). All work is done at frame rate by wide products, so a
/// processor runs it more than ten times faster than <see cref="SpectrogramDiscriminator"/>.
/// </summary>
public sealed class FrameDiscriminator : nn.Module, IDiscriminator
{
    private const int Bands = 4, Features = 3, HiddenLayers = 3;

    // Magnitudes below this (a tenth of the noise of 16-bit audio for a window of 256) are all alike.
    private const float Floor = 1e-6f;

    private readonly ModuleList<Conv1d> convs;
    private readonly Conv1d last;
    private readonly Tensor window;
    private readonly int _window;

    /// <param name="window">Samples, a multiple of 8; the hop is a quarter.</param>
    /// <param name="channels">Of every hidden layer and band.</param>
    public FrameDiscriminator(int window, int channels) : base(nameof(FrameDiscriminator))
    {
        _window = window;
        this.window = hann_window(window);
        var wide = Bands * (long)channels;
        // The highest bin is left out, so that the bands are equally wide.
        convs = new ModuleList<Conv1d>(Enumerable.Range(0, HiddenLayers + 1).Select(i => i == 0
            ? nn.Conv1d(Features * window / 2, wide, 3, padding: 1, groups: Bands)
            : nn.Conv1d(wide, wide, 5, padding: 2, groups: Bands)).ToArray());
        last = nn.Conv1d(wide, Bands, 3, padding: 1, groups: Bands);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> Judge(Tensor audio_BS)
    {
        using var scope = NewDisposeScope();
        return convs.Features(last, Spectrum(audio_BS));
    }

    /// <summary>[B, bands * (real, imaginary, level) * bins of the band, N]: parts compressed to the power 0.3, the level in units of about one.</summary>
    private Tensor Spectrum(Tensor audio_BS)
    {
        var parts = SpectrumFunction.Of(audio_BS, window).view(audio_BS.shape[0], 2, Bands, _window / 2 / Bands, -1).unbind(1);
        var level = (parts[0].square() + parts[1].square() + Floor).log();
        var gain = (level * -0.35f).exp();
        return cat([parts[0] * gain, parts[1] * gain, level * 0.2f + 0.5f], 2).flatten(1, 2);
    }
}
