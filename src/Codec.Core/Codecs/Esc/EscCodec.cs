using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Esc;

/// <summary>ESC (Gu and Diao 2024, arXiv 2404.19441): streams of product codes, each for a finer frequency scale.</summary>
public sealed class EscCodec : ICodec
{
    private readonly EscModel _model;

    /// <param name="config">Shape.</param>
    /// <param name="model">Weights; owned from now on, and set to evaluation.</param>
    /// <param name="preset">Name and number.</param>
    /// <param name="weightHash">Of the file they came from.</param>
    public EscCodec(EscConfig config, EscModel model, CodecPreset preset, string weightHash = "")
    {
        (Config, _model) = (config, model);
        _model.eval();
        Info = InfoOf(config, preset) with { WeightHash = weightHash };
    }

    public EscConfig Config { get; }

    public CodecInfo Info { get; }

    public Device Device => _model.parameters().First().device;

    /// <summary>The network itself.</summary>
    public EscModel Model => _model;

    /// <summary>The published code leaves out samples behind the last whole frame; by default they are coded, with zeros behind them.</summary>
    public bool DropIncompleteFrame { get; init; }

    internal static CodecInfo InfoOf(EscConfig config, CodecPreset preset) => new()
    {
        Name = preset.Name, CatalogueId = preset.Id, SampleRate = config.SampleRate, HopLength = config.HopLength,
        Books = [.. Enumerable.Repeat(new CodebookSpec(config.CodebookSize), config.Streams * config.Groups)],
        // T frames of codes are 4 T centred columns, which reach one column hop less far: a frame more may be needed.
        DelaySamples = config.ColumnHop,
    };

    public Codes Encode(Tensor audio_BCS, int? books = null, StreamState? state = null)
    {
        OfflineCall.RefuseState(state, Info);
        var count = OfflineCall.Books(books, Info);
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var codes_BKT = _model.Encode(_model.States(Spectrum(audio_BCS)), (count + Config.Groups - 1) / Config.Groups);
        return CodeTensors.ToCodes(codes_BKT.narrow(1, 0, count), Info.Books);
    }

    public Tensor Decode(Codes codes, long? samples = null, StreamState? state = null)
    {
        OfflineCall.RefuseState(state, Info);
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var audio_BS = _model.Decode(CodeTensors.ToTensor(codes, Info.Books, Device));
        return OfflineCall.Fit(audio_BS.unsqueeze(1), samples).MoveToOuterDisposeScope();
    }

    /// <summary>What the encoder sees [B, 2, F, T].</summary>
    public Tensor Spectrum(Tensor audio_BCS)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var audio = OfflineCall.Input(audio_BCS, Info, Device);
        if (!DropIncompleteFrame || audio.shape[2] < Info.HopLength)
            audio = OfflineCall.Fit(audio, (long)Info.FramesFor(audio.shape[2]) * Info.HopLength);
        return _model.Spectrum(audio.squeeze(1)).MoveToOuterDisposeScope();
    }

    public void Dispose() => _model.Dispose();
}
