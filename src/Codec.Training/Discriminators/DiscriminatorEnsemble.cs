using Codec.Training.Codecs;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Training.Discriminators;

/// <summary>All discriminators of a run.</summary>
public sealed class DiscriminatorEnsemble : nn.Module
{
    private readonly ModuleList<nn.Module> discriminators;

    public DiscriminatorEnsemble(AdversarialConfig config) : base(nameof(DiscriminatorEnsemble))
    {
        discriminators = new ModuleList<nn.Module>([
            .. config.Windows.Select(window => new SpectrogramDiscriminator(window, config.Channels)),
            .. config.FrameWindows.Select(window => new FrameDiscriminator(window, config.Channels)),
            .. config.Periods.Select(period => new PeriodDiscriminator(period, config.Channels)),
        ]);
        RegisterComponents();
    }

    public IEnumerable<IDiscriminator> Members => discriminators.Cast<IDiscriminator>();
}
