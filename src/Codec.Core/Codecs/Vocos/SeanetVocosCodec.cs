using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Vocos;

/// <summary>WavTokenizer (Ji et al. 2024, arXiv 2408.16532) and Language-Codec (Ji et al. 2024, arXiv 2402.12208), 24 kHz mono.</summary>
public sealed class SeanetVocosCodec : ICodec
{
    private readonly SeanetVocosModel _model;

    /// <param name="config">Shape.</param>
    /// <param name="model">Weights; owned from now on, and set to evaluation.</param>
    /// <param name="preset">Name and number.</param>
    /// <param name="weightHash">Of the file they came from.</param>
    public SeanetVocosCodec(SeanetVocosConfig config, SeanetVocosModel model, CodecPreset preset, string weightHash = "")
    {
        _model = model;
        _model.eval();
        Info = InfoOf(config, preset) with { WeightHash = weightHash };
    }

    public CodecInfo Info { get; }

    public Device Device => CPU;

    /// <summary>The network itself.</summary>
    public SeanetVocosModel Model => _model;

    internal static CodecInfo InfoOf(SeanetVocosConfig config, CodecPreset preset) => new()
    {
        Name = preset.Name, CatalogueId = preset.Id, SampleRate = config.SampleRate, HopLength = config.Seanet.HopLength,
        Books = [.. Enumerable.Repeat(new CodebookSpec(config.CodebookSize), config.Books)], SeesWholeSignal = true, // attention and GroupNorm over time
    };

    public Codes Encode(Tensor audio_BCS, int? books = null, StreamState? state = null)
    {
        OfflineCall.RefuseState(state, Info);
        var count = OfflineCall.Books(books, Info);
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        return CodeTensors.ToCodes(_model.Quantizer.Encode(EncodeLatent(audio_BCS), count), Info.Books);
    }

    /// <remarks>The published code's default bandwidth id, 0.</remarks>
    public Tensor Decode(Codes codes, long? samples = null, StreamState? state = null)
    {
        OfflineCall.RefuseState(state, Info);
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var audio_BS = _model.Synthesize(DecodeLatent(codes).transpose(1, 2));
        return OfflineCall.Fit(audio_BS.unsqueeze(1), samples).MoveToOuterDisposeScope();
    }

    /// <summary>The latent before quantization [B, T, D].</summary>
    public Tensor EncodeLatent(Tensor audio_B1S)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        return _model.Encoder.Run(OfflineCall.Input(audio_B1S, Info, Device).transpose(1, 2).contiguous()).MoveToOuterDisposeScope();
    }

    /// <summary>The vectors of codes [B, T, D].</summary>
    public Tensor DecodeLatent(Codes codes) => _model.Quantizer.Decode(CodeTensors.ToTensor(codes, Info.Books, Device));

    public void Dispose() => _model.Dispose();
}
