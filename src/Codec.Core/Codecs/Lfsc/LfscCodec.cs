using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Lfsc;

/// <summary>
/// Low-frame-rate speech codec (Casanova et al. 2024, arXiv 2409.12117): a mirrored HiFi-GAN around groups of finite scalars. Written from the
/// published description; no recorded case exists, so agreement with the published weights is unproven.
/// </summary>
public sealed class LfscCodec : ICodec
{
    private readonly LfscModel _model;

    /// <param name="config">Shape.</param>
    /// <param name="model">Weights; owned from now on, and set to evaluation.</param>
    /// <param name="preset">Name and number.</param>
    /// <param name="weightHash">Of the file they came from.</param>
    public LfscCodec(LfscConfig config, LfscModel model, CodecPreset preset, string weightHash = "")
    {
        (Config, _model) = (config, model);
        _model.eval();
        Info = InfoOf(config, preset) with { WeightHash = weightHash };
    }

    public LfscConfig Config { get; }

    public CodecInfo Info { get; }

    public Device Device => _model.parameters().First().device;

    /// <summary>The network itself.</summary>
    public LfscModel Model => _model;

    internal static CodecInfo InfoOf(LfscConfig config, CodecPreset preset) => new()
    {
        Name = preset.Name, CatalogueId = preset.Id, SampleRate = config.SampleRate, HopLength = config.HopLength,
        Books = [.. Enumerable.Repeat(new CodebookSpec(config.Levels.Aggregate(1, (a, b) => a * b)), config.Groups)],
    };

    public Codes Encode(Tensor audio_BCS, int? books = null, StreamState? state = null)
    {
        OfflineCall.RefuseState(state, Info);
        var count = OfflineCall.Books(books, Info);
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var audio = OfflineCall.PadToMultiple(OfflineCall.Input(audio_BCS, Info, Device), Info.HopLength);
        var codes_BKT = _model.vector_quantizer.Encode(_model.audio_encoder.forward(audio));
        return CodeTensors.ToCodes(codes_BKT.narrow(1, 0, count), Info.Books);
    }

    public Tensor Decode(Codes codes, long? samples = null, StreamState? state = null)
    {
        OfflineCall.RefuseState(state, Info);
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var latent_BDT = _model.vector_quantizer.Decode(CodeTensors.ToTensor(codes, Info.Books, Device));
        return OfflineCall.Fit(_model.audio_decoder.forward(latent_BDT), samples).MoveToOuterDisposeScope();
    }

    public void Dispose() => _model.Dispose();
}
