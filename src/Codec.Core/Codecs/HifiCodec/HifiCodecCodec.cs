using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.HifiCodec;

/// <summary>HiFi-Codec (Yang et al. 2023, arXiv 2305.02765): two channel groups, each with two residual codebooks.</summary>
public sealed class HifiCodecCodec : ICodec
{
    private readonly HifiCodecModel _model;

    /// <param name="config">Shape.</param>
    /// <param name="model">Weights; owned from now on, and set to evaluation.</param>
    /// <param name="preset">Name and number.</param>
    /// <param name="weightHash">Of the file they came from.</param>
    public HifiCodecCodec(HifiCodecConfig config, HifiCodecModel model, CodecPreset preset, string weightHash = "")
    {
        (Config, _model) = (config, model);
        _model.eval();
        Info = InfoOf(config, preset) with { WeightHash = weightHash };
    }

    public HifiCodecConfig Config { get; }

    public CodecInfo Info { get; }

    public Device Device => _model.parameters().First().device;

    /// <summary>The network itself.</summary>
    public HifiCodecModel Model => _model;

    /// <summary>The published code drops the samples behind the last whole frame; by default they are coded, with zeros behind them.</summary>
    public bool DropIncompleteFrame { get; init; }

    internal static CodecInfo InfoOf(HifiCodecConfig config, CodecPreset preset) => new()
    {
        Name = preset.Name, CatalogueId = preset.Id, SampleRate = config.SampleRate, HopLength = config.HopLength,
        Books = [.. Enumerable.Repeat(new CodebookSpec(config.CodebookSize), 2 * config.Groups)], SeesWholeSignal = true, // GroupNorm over time
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

    public Tensor Decode(Codes codes, long? samples = null, StreamState? state = null)
    {
        OfflineCall.RefuseState(state, Info);
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        return OfflineCall.Fit(_model.generator.Run(DecodeLatent(codes)), samples).MoveToOuterDisposeScope();
    }

    /// <summary>The latent before quantization [B, D, T].</summary>
    public Tensor EncodeLatent(Tensor audio_B1S, Action<string, Tensor>? observe = null)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var audio = OfflineCall.Input(audio_B1S, Info, Device);
        if (!DropIncompleteFrame || audio.shape[2] < Info.HopLength)
            audio = OfflineCall.PadToMultiple(audio, Info.HopLength);
        return _model.encoder.Run(audio, observe).MoveToOuterDisposeScope();
    }

    /// <summary>The vectors of codes [B, D, T].</summary>
    public Tensor DecodeLatent(Codes codes)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        return _model.quantizer.Decode(CodeTensors.ToTensor(codes, Info.Books, Device)).transpose(1, 2).MoveToOuterDisposeScope();
    }

    public void Dispose() => _model.Dispose();
}
