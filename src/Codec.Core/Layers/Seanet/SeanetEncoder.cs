using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Layers.Seanet;

/// <summary>SEANet encoder: audio to latent frames, one per hop. Checkpoint keys: model.N.*.</summary>
public sealed class SeanetEncoder : nn.Module<Tensor, Tensor>
{
    internal const int FastStages = 2; // the rates whose activations outweigh their weights

    private readonly ModuleList<nn.Module<Tensor, Tensor>> model;
    private readonly int _fastLayers;
    private readonly int? _piece;

    public SeanetEncoder(SeanetConfig config) : base(nameof(SeanetEncoder))
    {
        var layers = new List<nn.Module<Tensor, Tensor>> { Conv(config, config.Channels, config.Filters, config.Kernel) };
        var channels = config.Filters;
        foreach (var (stage, ratio) in config.Ratios.Reverse().Index())
        {
            for (var j = 0; j < config.ResidualLayers; j++)
                layers.Add(new SeanetResidualUnit(config, channels, (int)Math.Pow(config.DilationBase, j)));
            layers.Add(new Elu());
            layers.Add(Conv(config, channels, channels * 2, ratio * 2, ratio));
            channels *= 2;
            if (stage < FastStages)
                _fastLayers = layers.Count;
        }
        _piece = Piece(config);
        if (config.LstmLayers > 0)
            layers.Add(new SeanetLstm(channels, config.LstmLayers, config.BidirectionalLstm));
        layers.Add(new Elu());
        layers.Add(Conv(config, config.BidirectionalLstm ? channels * 2 : channels, config.Dimension, config.LastKernel));
        model = new ModuleList<nn.Module<Tensor, Tensor>>([.. layers]);
        RegisterComponents();
    }

    /// <param name="audio_BCS">[B, Channels, S].</param>
    /// <returns>[B, Dimension, ceil(S / hop)].</returns>
    public override Tensor forward(Tensor audio_BCS) => Forward(audio_BCS);

    /// <summary>The same; <paramref name="observe"/> sees index and output of every layer.</summary>
    public Tensor Forward(Tensor audio_BCS, Action<int, Tensor>? observe = null) => SeanetStack.Forward(model, audio_BCS, observe);

    /// <summary>Inference by own kernels.</summary>
    /// <param name="audio_BSC">[B, S, Channels] without gaps.</param>
    /// <param name="state">What the stream remembers; null: this is all audio.</param>
    /// <returns>[B, T, Dimension].</returns>
    public Tensor Run(Tensor audio_BSC, StreamState? state = null) => SeanetStack.Run(model, audio_BSC, state, .._fastLayers, _piece);

    /// <summary>Samples whose activations take half a megabyte; null where the layers see the whole signal.</summary>
    internal static int? Piece(SeanetConfig config) => config is { Causal: true, TimeGroupNorm: false, TrimRightRatio: 1 }
        ? Math.Max(1, (1 << 17) / config.Filters / config.HopLength) * config.HopLength
        : null;

    internal static SeanetConv1d Conv(SeanetConfig config, int input, int output, int kernel, int stride = 1)
        => new(new SeanetConvConfig(input, output, kernel)
        {
            Stride = stride, Causal = config.Causal, PadMode = config.PadMode, TimeGroupNorm = config.TimeGroupNorm,
        });
}
