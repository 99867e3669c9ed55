using Codec.Core.Layers;
using Codec.Core.Quantizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Native;

/// <summary>The trainable network: encoder, quantizer, decoder.</summary>
public sealed class NativeModel : nn.Module<Tensor, Tensor>
{
    private readonly NativeEncoder encoder;
    private readonly nn.Module quantizer;
    private readonly NativeDecoder decoder;

    /// <summary>A new model with random weights, on the CPU.</summary>
    public static NativeModel Create(NativeConfig config) => ModuleFactory.Build(() => new NativeModel(config));

    private NativeModel(NativeConfig config) : base(nameof(NativeModel))
    {
        Config = config.Validate();
        encoder = new NativeEncoder(config);
        quantizer = (nn.Module)config.Quantizer.Build(config.LatentDim);
        decoder = new NativeDecoder(config);
        RegisterComponents();
    }

    public NativeConfig Config { get; }

    public NativeEncoder Encoder => encoder;

    public IQuantizer Quantizer => (IQuantizer)quantizer;

    public NativeDecoder Decoder => decoder;

    /// <summary>Encodes and decodes without quantizing.</summary>
    /// <param name="audio_BS">[B, S], S a multiple of the hop.</param>
    /// <returns>[B, S], lagging by the delay.</returns>
    public override Tensor forward(Tensor audio_BS)
    {
        using var latent_BTD = encoder.forward(audio_BS, null);
        return decoder.forward(latent_BTD, null);
    }
}
