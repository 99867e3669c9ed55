using Codec.Core;
using Codec.Core.Codecs.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Speech.Repair;

/// <summary>
/// A codec that makes up the fine books which were not sent from the coarse ones which were (LMCodec, arXiv 2303.12984, with the mean of
/// what the fine books add in place of drawn codes). Decodes any prefix of the books; all books decode as without a model. The result is
/// floating point at the decoder's side: it is not part of what a file promises to be the same everywhere.
/// </summary>
public sealed class RegeneratingCodec : ICodec
{
    private readonly NativeCodec _codec;
    private readonly RepairModel _model;

    /// <param name="codec">Stays the caller's.</param>
    /// <param name="model">Of kind <see cref="RepairKind.Fine"/>; stays the caller's.</param>
    public RegeneratingCodec(NativeCodec codec, RepairModel model)
    {
        if (model.Config.Kind != RepairKind.Fine || model.Config.Future != 0)
            throw new ArgumentException($"expected a causal model of kind {RepairKind.Fine}, found {model.Config.Kind}", nameof(model));
        (_codec, _model) = (codec, model);
        Info = codec.Info with { DecoderMemoryFrames = codec.Info.DecoderMemoryFrames + model.Config.Reach };
    }

    public CodecInfo Info { get; }

    public Device Device => _codec.Device;

    /// <inheritdoc/>
    public Codes Encode(Tensor audio_BCS, int? books = null, StreamState? state = null) => _codec.Encode(audio_BCS, books, state);

    /// <inheritdoc/>
    public Tensor Decode(Codes codes, long? samples = null, StreamState? state = null)
    {
        if (codes.Books == Info.Books.Count || codes.Frames == 0)
            return _codec.Decode(codes, samples, state);
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        var coarse_BTD = _codec.LatentOf(codes);
        var fine_BTD = Predict(coarse_BTD, codes.Books, state);
        return _codec.DecodeLatent(fine_BTD, samples, state).MoveToOuterDisposeScope();
    }

    /// <summary>Nothing: codec and model are the caller's.</summary>
    public void Dispose()
    {
    }

    private Tensor Predict(Tensor coarse_BTD, int books, StreamState? state)
    {
        var frames = coarse_BTD.shape[1];
        var past = state?.Slot(this, () => new TensorSlot(coarse_BTD.narrow(1, 0, 0)));
        var joined_BTD = past is null ? coarse_BTD : cat([past.Value, coarse_BTD], 1);
        var kept = Math.Min(joined_BTD.shape[1], _model.Config.Reach);
        past?.Set(joined_BTD.narrow(1, joined_BTD.shape[1] - kept, kept));
        var known_BT = full([1, joined_BTD.shape[1]], books, ScalarType.Int64, Device);
        return new LatentRepair(_codec, _model).Predict(joined_BTD, known_BT).narrow(1, joined_BTD.shape[1] - frames, frames);
    }
}
