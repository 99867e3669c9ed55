using Codec.Core.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Snac;

/// <summary>
/// SNAC (Siuzdak et al. 2024, arXiv 2410.14411): residual quantization at several time scales, 24, 32 or 44.1 kHz mono.
/// </summary>
public sealed class SnacCodec : ICodec, IPositionedDecoder, IReducedPrecision
{
    private readonly SnacModel _model;
    private ScalarType _layers = ScalarType.Float32;

    /// <param name="config">Shape.</param>
    /// <param name="model">Weights; owned from now on, and set to evaluation.</param>
    /// <param name="preset">Name and number.</param>
    /// <param name="weightHash">Of the file they came from.</param>
    public SnacCodec(SnacConfig config, SnacModel model, CodecPreset preset, string weightHash = "")
    {
        (Config, _model) = (config, model);
        _model.eval();
        Info = InfoOf(config, preset) with { WeightHash = weightHash };
    }

    public SnacConfig Config { get; }

    public CodecInfo Info { get; }

    public Device Device => _model.parameters().First().device;

    /// <summary>The network itself.</summary>
    public SnacModel Model => _model;

    /// <summary>Noise that decoders with noise blocks add; null = none. Seeded, so decoding twice gives the same samples.</summary>
    public NoiseSource? Noise { get; init; } = new(0);

    internal static CodecInfo InfoOf(SnacConfig config, CodecPreset preset) => new()
    {
        Name = preset.Name, CatalogueId = preset.Id, SampleRate = config.SampleRate, HopLength = config.HopLength,
        Books = [.. config.Strides.Select(s => new CodebookSpec(config.CodebookSize, s))], FrameMultiple = config.FrameMultiple,
    };

    public Codes Encode(Tensor audio_BCS, int? books = null, StreamState? state = null)
    {
        OfflineCall.RefuseState(state, Info);
        var count = OfflineCall.Books(books, Info);
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var latent_BTD = EncodeLatent(audio_BCS).transpose(1, 2).contiguous();
        return CodeTensors.ToCodes(_model.quantizer.Encode(latent_BTD, count), Info.Books, (int)latent_BTD.shape[1]);
    }

    public Tensor Decode(Codes codes, long? samples = null, StreamState? state = null)
    {
        OfflineCall.RefuseState(state, Info);
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        return OfflineCall.Fit(DecodeAt(codes, 0), samples).MoveToOuterDisposeScope();
    }

    public Tensor DecodeAt(Codes codes, long firstFrame)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var quantized_BDT = DecodeLatent(codes);
        // Block j runs at its own rate: a frame spans that many of its samples.
        return DecodeWith(quantized_BDT, Noise is null ? null : (block, length) => Noise.Block(block, firstFrame * (length / quantized_BDT.shape[2]), length))
            .MoveToOuterDisposeScope();
    }

    /// <summary>The latent before quantization [B, D, T].</summary>
    public Tensor EncodeLatent(Tensor audio_B1S)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var audio = OfflineCall.PadToMultiple(OfflineCall.Input(audio_B1S, Info, Device), Info.HopLength * Config.FrameMultiple);
        return _model.encoder.forward(audio.to(_layers)).to(ScalarType.Float32).MoveToOuterDisposeScope();
    }

    /// <summary>The quantized latent [B, D, Frames] of codes; books cover at least all frames.</summary>
    public Tensor DecodeLatent(Codes codes)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var tensors = CodeTensors.ToTensors(codes, Info.Books, Device);
        var parts = tensors.Select((c, k) => _model.quantizer.DecodeStage(k, c).narrow(1, 0, codes.Frames)).ToArray();
        return parts.Aggregate((a, b) => a + b).transpose(1, 2).MoveToOuterDisposeScope();
    }

    /// <summary>Audio of a quantized latent with given noise, see <see cref="SnacDecoder.Run"/>.</summary>
    public Tensor DecodeWith(Tensor quantized_BDT, Func<int, int, Tensor>? noise)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        return _model.decoder.Run(quantized_BDT.to(_layers), noise).to(ScalarType.Float32).MoveToOuterDisposeScope();
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

    public void Dispose() => _model.Dispose();
}
