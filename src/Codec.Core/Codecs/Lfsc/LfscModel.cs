using Codec.Core.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Lfsc;

/// <summary>The parts of a low-frame-rate codec. Keys: audio_encoder, vector_quantizer, audio_decoder.</summary>
public sealed class LfscModel : nn.Module
{
    public readonly LfscEncoder audio_encoder;
    public readonly GroupScalarQuantizer vector_quantizer;
    public readonly LfscDecoder audio_decoder;

    public LfscModel(LfscConfig config) : base(nameof(LfscModel))
    {
        audio_encoder = new LfscEncoder(config.Validate());
        vector_quantizer = new GroupScalarQuantizer(config.Groups, config.Levels);
        audio_decoder = new LfscDecoder(config);
        RegisterComponents();
    }

    /// <summary>A key of the published checkpoint; null for what only training uses.</summary>
    internal static string? Rename(string key)
        => key.StartsWith("audio_encoder.", StringComparison.Ordinal) || key.StartsWith("audio_decoder.", StringComparison.Ordinal)
            || key.StartsWith("vector_quantizer.", StringComparison.Ordinal) ? key : null;
}

/// <summary>Waveform to latent: residual layers, each followed by a strided convolution that doubles the channels.</summary>
public sealed class LfscEncoder : nn.Module<Tensor, Tensor>
{
    private readonly MirroredConv1d pre_conv, post_conv;
    private readonly ModuleList<LfscActivationLayer> activations;
    private readonly ModuleList<MirroredConv1d> down_sample_conv_layers;
    private readonly ModuleList<LfscResidualLayer> res_layers;
    private readonly LfscActivationLayer post_activation;

    public LfscEncoder(LfscConfig config) : base(nameof(LfscEncoder))
    {
        var channels = config.EncoderChannels;
        pre_conv = new MirroredConv1d(1, channels, config.InputKernel);
        (activations, down_sample_conv_layers, res_layers) = (new(), new(), new());
        foreach (var rate in config.Rates.Reverse())
        {
            res_layers.Add(new LfscResidualLayer(config, channels, config.EncoderDilations));
            activations.Add(new LfscActivationLayer(config.Activation, channels));
            down_sample_conv_layers.Add(new MirroredConv1d(channels, 2 * channels, 2 * rate, rate));
            channels *= 2;
        }
        post_activation = new LfscActivationLayer(config.Activation, channels);
        post_conv = new MirroredConv1d(channels, config.Latent, config.LatentKernel);
        RegisterComponents();
    }

    /// <param name="audio_B1S">A multiple of the hop long.</param>
    /// <returns>[B, D, T].</returns>
    public override Tensor forward(Tensor audio_B1S) => Chain.Run(audio_B1S,
    [
        pre_conv.forward,
        .. Enumerable.Range(0, res_layers.Count).SelectMany(i => new Func<Tensor, Tensor>[] { res_layers[i].forward, activations[i].forward, down_sample_conv_layers[i].forward }),
        post_activation.forward, post_conv.forward,
    ]);
}

/// <summary>Latent to waveform: the HiFi-GAN generator.</summary>
public sealed class LfscDecoder : nn.Module<Tensor, Tensor>
{
    private readonly MirroredConv1d pre_conv, post_conv;
    private readonly ModuleList<LfscActivationLayer> activations;
    private readonly ModuleList<UpsamplingConv1d> up_sample_conv_layers;
    private readonly ModuleList<LfscResidualLayer> res_layers;
    private readonly LfscActivationLayer post_activation;
    private readonly bool _tanh;

    public LfscDecoder(LfscConfig config) : base(nameof(LfscDecoder))
    {
        _tanh = config.BoundByTanh;
        var channels = config.DecoderChannels;
        pre_conv = new MirroredConv1d(config.Latent, channels, config.InputKernel);
        (activations, up_sample_conv_layers, res_layers) = (new(), new(), new());
        foreach (var rate in config.Rates)
        {
            activations.Add(new LfscActivationLayer(config.Activation, channels));
            up_sample_conv_layers.Add(new UpsamplingConv1d(channels, channels / 2, rate));
            channels /= 2;
            res_layers.Add(new LfscResidualLayer(config, channels, config.DecoderDilations));
        }
        post_activation = new LfscActivationLayer(config.Activation, channels);
        post_conv = new MirroredConv1d(channels, 1, config.OutputKernel);
        RegisterComponents();
    }

    /// <param name="latent_BDT">Quantized.</param>
    /// <returns>[B, 1, T x hop] in [-1, 1].</returns>
    public override Tensor forward(Tensor latent_BDT) => Chain.Run(latent_BDT,
    [
        pre_conv.forward,
        .. Enumerable.Range(0, res_layers.Count).SelectMany(i => new Func<Tensor, Tensor>[] { activations[i].forward, up_sample_conv_layers[i].forward, res_layers[i].forward }),
        post_activation.forward, post_conv.forward, x => _tanh ? x.tanh() : x.clamp(-1, 1),
    ]);
}
