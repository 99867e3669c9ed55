using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Training.Discriminators;

/// <summary>
/// Convolutions over time and frequency of a complex STFT (the multi-resolution discriminator of EnCodec, Défossez et al. 2022, made cheap:
/// frequency is halved by every layer). Real and imaginary parts are compressed by the square root of the magnitude.
/// </summary>
public sealed class SpectrogramDiscriminator : nn.Module, IDiscriminator
{
    private const int Halvings = 3;

    private readonly ModuleList<Conv2d> convs;
    private readonly Conv2d last;
    private readonly Tensor window;
    private readonly int _window;

    /// <param name="window">Samples; the hop is a quarter.</param>
    /// <param name="channels">Of every hidden layer.</param>
    public SpectrogramDiscriminator(int window, int channels) : base(nameof(SpectrogramDiscriminator))
    {
        _window = window;
        this.window = hann_window(window);
        convs = new ModuleList<Conv2d>(Enumerable.Range(0, Halvings + 1).Select(i =>
            nn.Conv2d(i == 0 ? 2 : channels, channels, (3, i < Halvings ? 9L : 3), stride: (1, i < Halvings ? 2L : 1), padding: (1, i < Halvings ? 4L : 1))).ToArray());
        last = nn.Conv2d(channels, 1, 3, padding: 1);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> Judge(Tensor audio_BS)
    {
        using var scope = NewDisposeScope();
        var padded = F.pad(audio_BS.unsqueeze(1), [_window / 2, _window / 2], PaddingModes.Reflect).squeeze(1);
        var parts_BNF2 = view_as_real(fft.rfft(padded.unfold(1, _window, _window / 4) * window));
        var magnitude = (parts_BNF2.pow(2).sum(-1, keepdim: true) + 1e-6).sqrt();
        var x = (parts_BNF2 / magnitude.sqrt()).permute(0, 3, 1, 2);
        return convs.Features(last, x);
    }
}
