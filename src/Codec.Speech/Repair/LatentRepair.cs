using Codec.Core;
using Codec.Core.Bitstream;
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
    /// <param name="codes">All books or a prefix, base frame rate, which frames may lack (<see cref="VariableBooks"/>); what lost frames hold is not looked at.</param>
    /// <param name="lost">By frame, for every batch item alike.</param>
    /// <returns>The same codes with others, in all books, in place of the lost ones.</returns>
    public Codes Restore(Codes codes, IReadOnlyList<bool> lost)
    {
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        var sent_BKT = CodeTensors.ToTensor(codes, codec.Device);
        var received_T = tensor(lost.Select(l => !l).ToArray(), device: codec.Device);
        var sizes_K = tensor(codec.Model.Quantizer.Books.Take(codes.Books).Select(book => (long)book.Size).ToArray(), device: codec.Device);
        var missing_BKT = sent_BKT.ge(sizes_K.unsqueeze(-1));
        var known_BT = missing_BKT.logical_not().sum(1) * received_T;
        var latent_BTD = Predict(RepairModel.KnownLatent(codec.Model.Quantizer, sent_BKT.masked_fill(missing_BKT, 0), known_BT), known_BT);
        var made_BKT = codec.Model.Quantizer.Encode(latent_BTD, codes.Books);
        return CodeTensors.ToCodes(where(known_BT.eq(0).unsqueeze(1), made_BKT, sent_BKT), codes.Specs);
    }

    /// <summary>Latents of all books for a signal of which some are known.</summary>
    /// <param name="latent_BTD">Sum of the known code vectors.</param>
    /// <param name="known_BT">Known books of each frame, int64 [B, T]; [1, T] where all items have the same.</param>
    /// <returns>[B, T, D].</returns>
    public Tensor Predict(Tensor latent_BTD, Tensor known_BT)
    {
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        var frames = latent_BTD.shape[1];
        var (before, after) = (model.Config.Reach, model.Config.Ahead);
        known_BT = known_BT.expand(latent_BTD.shape[0], frames);
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
