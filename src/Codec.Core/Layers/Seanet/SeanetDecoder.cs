using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Layers.Seanet;

/// <summary>SEANet decoder: latent frames to audio, one hop per frame. Checkpoint keys: model.N.*.</summary>
public sealed class SeanetDecoder : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<nn.Module<Tensor, Tensor>> model;
    private readonly int _firstFast;
    private readonly int? _piece;

    public SeanetDecoder(SeanetConfig config) : base(nameof(SeanetDecoder))
    {
        var channels = config.Filters << config.Ratios.Count;
        var layers = new List<nn.Module<Tensor, Tensor>> { SeanetEncoder.Conv(config, config.Dimension, channels, config.Kernel) };
        if (config.LstmLayers > 0)
            layers.Add(new SeanetLstm(channels, config.LstmLayers));
        var slow = Math.Max(0, config.Ratios.Count - SeanetEncoder.FastStages);
        foreach (var (stage, ratio) in config.Ratios.Index())
        {
            layers.Add(new Elu());
            if (stage == slow)
                _firstFast = layers.Count;
            layers.Add(new SeanetConvTranspose1d(new SeanetConvConfig(channels, channels / 2, ratio * 2)
            {
                Stride = ratio, Causal = config.Causal, TimeGroupNorm = config.TimeGroupNorm, TrimRightRatio = config.TrimRightRatio,
            }));
            channels /= 2;
            for (var j = 0; j < config.ResidualLayers; j++)
                layers.Add(new SeanetResidualUnit(config, channels, (int)Math.Pow(config.DilationBase, j)));
        }
        layers.Add(new Elu());
        layers.Add(SeanetEncoder.Conv(config, channels, config.Channels, config.LastKernel));
        _piece = SeanetEncoder.Piece(config) / config.Ratios.Skip(slow).Aggregate(1, (product, ratio) => product * ratio);
        model = new ModuleList<nn.Module<Tensor, Tensor>>([.. layers]);
        RegisterComponents();
    }

    /// <param name="latent_BDT">[B, Dimension, T].</param>
    /// <returns>[B, Channels, T x hop].</returns>
    public override Tensor forward(Tensor latent_BDT) => Forward(latent_BDT);

    /// <summary>The same; <paramref name="observe"/> sees index and output of every layer.</summary>
    public Tensor Forward(Tensor latent_BDT, Action<int, Tensor>? observe = null) => SeanetStack.Forward(model, latent_BDT, observe);

    /// <summary>Inference by own kernels.</summary>
    /// <param name="latent_BTD">[B, T, Dimension] without gaps.</param>
    /// <param name="state">What the stream remembers; null: these are all frames.</param>
    /// <returns>[B, S, Channels].</returns>
    public Tensor Run(Tensor latent_BTD, StreamState? state = null) => SeanetStack.Run(model, latent_BTD, state, _firstFast.., _piece);
}
