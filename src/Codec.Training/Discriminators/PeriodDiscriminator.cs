using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Training.Discriminators;

/// <summary>Convolutions over every p-th sample (HiFi-GAN, Kong et al. 2020), with few channels.</summary>
public sealed class PeriodDiscriminator : nn.Module, IDiscriminator
{
    private readonly ModuleList<Conv2d> convs;
    private readonly Conv2d last;
    private readonly int _period;

    /// <param name="period">Samples.</param>
    /// <param name="channels">Of the first layer; doubled by each of the next two.</param>
    public PeriodDiscriminator(int period, int channels) : base(nameof(PeriodDiscriminator))
    {
        _period = period;
        convs = new ModuleList<Conv2d>(Enumerable.Range(0, 4).Select(i =>
            nn.Conv2d(i == 0 ? 1 : channels << Math.Min(i - 1, 2), channels << Math.Min(i, 2), (5L, 1L), stride: (3L, 1L), padding: (2L, 0L))).ToArray());
        last = nn.Conv2d(channels << 2, 1, (3L, 1L), padding: (1L, 0L));
        RegisterComponents();
    }

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> Judge(Tensor audio_BS)
    {
        using var scope = NewDisposeScope();
        var (b, samples) = (audio_BS.shape[0], audio_BS.shape[1]);
        var missing = (_period - samples % _period) % _period;
        var x = F.pad(audio_BS.unsqueeze(1), [0, missing], PaddingModes.Reflect).view(b, 1, (samples + missing) / _period, _period);
        return convs.Features(last, x);
    }
}
