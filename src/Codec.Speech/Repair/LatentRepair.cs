using Codec.Core;
using Codec.Core.Codecs.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Speech.Repair;

/// <summary>A codec with a repair model for its codes.</summary>
/// <param name="codec">Stays the caller's.</param>
/// <param name="model">Stays the caller's.</param>
public sealed class LatentRepair(NativeCodec codec, RepairModel model)
{
    // Long signals go through the model in pieces, each with all the frames that its result depends on.
    private const int PieceFrames = 500;

    public NativeCodec Codec => codec;

    public RepairModel Model => model;

    /// <summary>Makes up the frames that were lost.</summary>
    /// <param name="codes">All books or a prefix, base frame rate; what lost frames hold is not looked at.</param>
    /// <param name="lost">By frame, for every batch item alike.</param>
    /// <returns>The same codes with others in place of the lost ones.</returns>
    public Codes Restore(Codes codes, IReadOnlyList<bool> lost)
    {
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        var known_T = tensor(lost.Select(l => l ? 0L : codes.Books).ToArray(), device: codec.Device);
        var codes_BKT = CodeTensors.ToTensor(codes, codec.Device);
        var latent_BTD = Predict(RepairModel.KnownLatent(codec.Model.Quantizer, codes_BKT, known_T.unsqueeze(0)), known_T);
        var made_BKT = codec.Model.Quantizer.Encode(latent_BTD, codes.Books);
        return CodeTensors.ToCodes(where(known_T.eq(0), made_BKT, codes_BKT), codes.Specs);
    }

    /// <summary>Latents of all books for a signal of which some are known.</summary>
    /// <param name="latent_BTD">Sum of the known code vectors.</param>
    /// <param name="known_T">Known books of each frame, int64 [T].</param>
    /// <returns>[B, T, D].</returns>
    public Tensor Predict(Tensor latent_BTD, Tensor known_T)
    {
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        var frames = latent_BTD.shape[1];
        var (before, after) = (model.Config.Reach, model.Config.Ahead);
        var known_BT = known_T.unsqueeze(0).expand(latent_BTD.shape[0], frames);
        var pieces = new List<Tensor>();
        for (long start = 0; start < frames; start += PieceFrames)
        {
            using var piece = NewDisposeScope();
            var (first, end) = (Math.Max(0, start - before), Math.Min(frames, start + PieceFrames));
            var last = Math.Min(frames, end + after);
            var predicted = model.Forward(latent_BTD.narrow(1, first, last - first), known_BT.narrow(1, first, last - first));
            pieces.Add(predicted.narrow(1, start - first, end - start).clone().MoveToOuterDisposeScope());
        }
        return (pieces.Count == 0 ? latent_BTD.clone() : cat(pieces, 1)).MoveToOuterDisposeScope();
    }
}
