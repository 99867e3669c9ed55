using Codec.Core.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.SpeechTokenizer;

/// <summary>SpeechTokenizer (Zhang et al. 2023, arXiv 2308.16692), 16 kHz: the first book carries content, the others timbre.</summary>
public sealed class SpeechTokenizerCodec : ICodec, IReducedPrecision
{
    private readonly SpeechTokenizerModel _model;

    /// <param name="config">Shape.</param>
    /// <param name="model">Weights; owned from now on, and set to evaluation.</param>
    /// <param name="preset">Name and number.</param>
    /// <param name="weightHash">Of the file they came from.</param>
    public SpeechTokenizerCodec(SpeechTokenizerConfig config, SpeechTokenizerModel model, CodecPreset preset, string weightHash = "")
    {
        _model = model;
        _model.eval();
        Info = InfoOf(config, preset) with { WeightHash = weightHash };
    }

    public CodecInfo Info { get; }

    public Device Device => CPU;

    /// <summary>The network itself.</summary>
    public SpeechTokenizerModel Model => _model;

    internal static CodecInfo InfoOf(SpeechTokenizerConfig config, CodecPreset preset) => new()
    {
        Name = preset.Name, CatalogueId = preset.Id, SampleRate = config.SampleRate, HopLength = config.Seanet.HopLength,
        Books = [.. Enumerable.Repeat(new CodebookSpec(config.CodebookSize), config.Books)],
    };

    public Codes Encode(Tensor audio_BCS, int? books = null, StreamState? state = null)
    {
        OfflineCall.RefuseState(state, Info);
        var count = OfflineCall.Books(books, Info);
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        return CodeTensors.ToCodes(_model.Quantizer.Encode(EncodeLatent(audio_BCS), count), Info.Books);
    }

    public Tensor Decode(Codes codes, long? samples = null, StreamState? state = null)
    {
        OfflineCall.RefuseState(state, Info);
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var quantized_BTD = _model.Quantizer.Decode(CodeTensors.ToTensor(codes, Info.Books, Device));
        return OfflineCall.Fit(Synthesize(quantized_BTD), samples).MoveToOuterDisposeScope();
    }

    public void UseBFloat16() => ReducedLayers.Use(_model.Encoder, _model.Decoder);

    /// <summary>The latent before quantization [B, T, D].</summary>
    public Tensor EncodeLatent(Tensor audio_B1S)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        return _model.Encoder.Run(OfflineCall.Input(audio_B1S, Info, Device).transpose(1, 2).contiguous()).MoveToOuterDisposeScope();
    }

    /// <summary>Audio [B, 1, S] of vectors [B, T, D]: of all books, or of some only (content without timbre, or the reverse).</summary>
    public Tensor Synthesize(Tensor quantized_BTD)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        return _model.Decoder.Run(quantized_BTD.contiguous()).transpose(1, 2).contiguous().MoveToOuterDisposeScope();
    }

    public void Dispose() => _model.Dispose();
}
