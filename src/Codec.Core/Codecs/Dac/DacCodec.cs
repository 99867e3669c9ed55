using Codec.Core.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Dac;

/// <summary>
/// DAC, the Descript audio codec (Kumar et al. 2023, arXiv 2306.06546): a convolutional autoencoder with Snake
/// activations and factorised residual quantization, 16, 24 or 44.1 kHz mono.
/// </summary>
public sealed class DacCodec : ICodec, IReducedPrecision
{
    private readonly DacModel _model;
    private ScalarType _layers = ScalarType.Float32;

    /// <param name="config">Shape.</param>
    /// <param name="model">Weights; owned from now on, and set to evaluation.</param>
    /// <param name="preset">Name and number.</param>
    /// <param name="weightHash">Of the file they came from.</param>
    public DacCodec(DacConfig config, DacModel model, CodecPreset preset, string weightHash = "")
    {
        (Config, _model) = (config, model);
        _model.eval();
        Info = InfoOf(config, preset) with { WeightHash = weightHash };
    }

    public DacConfig Config { get; }

    public CodecInfo Info { get; }

    public Device Device => _model.parameters().First().device;

    /// <summary>The network itself.</summary>
    public DacModel Model => _model;

    internal static CodecInfo InfoOf(DacConfig config, CodecPreset preset) => new()
    {
        Name = preset.Name, CatalogueId = preset.Id, SampleRate = config.SampleRate, HopLength = config.HopLength,
        Books = [.. Enumerable.Repeat(new CodebookSpec(config.CodebookSize), config.Codebooks)],
    };

    public Codes Encode(Tensor audio_BCS, int? books = null, StreamState? state = null)
    {
        OfflineCall.RefuseState(state, Info);
        var count = OfflineCall.Books(books, Info);
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var latent_BDT = EncodeLatent(audio_BCS);
        return CodeTensors.ToCodes(_model.quantizer.Encode(latent_BDT.transpose(1, 2).contiguous(), count), Info.Books);
    }

    /// <remarks>Models with an odd stride yield 8 samples less than frames x hop: asked for more, the rest is zeros.</remarks>
    public Tensor Decode(Codes codes, long? samples = null, StreamState? state = null)
    {
        OfflineCall.RefuseState(state, Info);
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var quantized_BTD = _model.quantizer.Decode(CodeTensors.ToTensor(codes, Info.Books, Device));
        return OfflineCall.Fit(RunDecoder(quantized_BTD.transpose(1, 2), padded: true), samples).MoveToOuterDisposeScope();
    }

    /// <summary>The latent before quantization.</summary>
    /// <param name="audio_B1S">[B, 1, S], any S.</param>
    /// <returns>[B, D, T].</returns>
    public Tensor EncodeLatent(Tensor audio_B1S)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var audio = OfflineCall.PadToMultiple(OfflineCall.Input(audio_B1S, Info, Device), Info.HopLength);
        return RunEncoder(audio, padded: true).MoveToOuterDisposeScope();
    }

    public void UseBFloat16()
    {
        if (Device.type == DeviceType.CPU)
        {
            ReducedLayers.Use(_model.encoder, _model.decoder);
            return;
        }
        _layers = ScalarType.BFloat16;
        _model.encoder.to(_layers);
        _model.decoder.to(_layers);
    }

    /// <summary>The encoder alone, see <see cref="DacEncoder.Run"/>.</summary>
    internal Tensor RunEncoder(Tensor audio_B1S, bool padded)
    {
        using var scope = NewDisposeScope();
        return _model.encoder.Run(audio_B1S.to(_layers), padded).to(ScalarType.Float32).MoveToOuterDisposeScope();
    }

    /// <summary>The decoder alone, see <see cref="DacDecoder.Run"/>.</summary>
    internal Tensor RunDecoder(Tensor latent_BDT, bool padded)
    {
        using var scope = NewDisposeScope();
        return _model.decoder.Run(latent_BDT.to(_layers), padded).to(ScalarType.Float32).MoveToOuterDisposeScope();
    }

    public void Dispose() => _model.Dispose();
}
