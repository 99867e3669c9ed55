using Codec.Core.Quantizers;
using Codec.Speech.Repair;
using static TorchSharp.torch;

namespace Codec.Training.Repair;

/// <summary>Padded training sequences.</summary>
/// <param name="Truth">Latents of all books, [B, T, D].</param>
/// <param name="Known">Latents of what is known, [B, T, D].</param>
/// <param name="KnownBooks">int64 [B, T].</param>
/// <param name="Wanted">1 where the model is to be right, [B, T].</param>
internal sealed record RepairBatch(Tensor Truth, Tensor Known, Tensor KnownBooks, Tensor Wanted)
{
    /// <param name="quantizer">Of the codec.</param>
    /// <param name="config">Of the model.</param>
    /// <param name="sequences">[B][K][..], lengths may differ.</param>
    /// <param name="random">Decides what is missing.</param>
    public static RepairBatch Build(IQuantizer quantizer, RepairConfig config, int[][][] sequences, Random random, Device device)
    {
        using var scope = NewDisposeScope();
        using var mode = no_grad();
        var frames = sequences.Max(s => s[0].Length);
        var known = new long[sequences.Length * frames];
        var wanted = new float[known.Length];
        for (var b = 0; b < sequences.Length; b++)
        {
            var drawn = Corruption.Draw(config.Kind, config.Books, sequences[b][0].Length, random);
            drawn.CopyTo(known, b * frames); // frames of the padding are like lost ones
            for (var t = 0; t < drawn.Length; t++)
                wanted[b * frames + t] = config.Kind == RepairKind.Fine || drawn[t] == 0 ? 1 : 0;
        }
        var codes_BKT = Codes(sequences, device);
        var known_BT = tensor(known, [sequences.Length, frames], device: device);
        return new RepairBatch(
            quantizer.Decode(codes_BKT).MoveToOuterDisposeScope(),
            RepairModel.KnownLatent(quantizer, codes_BKT, known_BT).MoveToOuterDisposeScope(),
            known_BT.MoveToOuterDisposeScope(),
            tensor(wanted, [sequences.Length, frames], device: device).MoveToOuterDisposeScope());
    }

    /// <summary>Padded with zeros. int64 [B, K, T].</summary>
    public static Tensor Codes(int[][][] sequences, Device device)
    {
        var (books, frames) = (sequences[0].Length, sequences.Max(s => s[0].Length));
        var codes = new long[sequences.Length * books * frames];
        for (var b = 0; b < sequences.Length; b++)
            for (var k = 0; k < books; k++)
                for (var t = 0; t < sequences[b][k].Length; t++)
                    codes[(b * books + k) * frames + t] = sequences[b][k][t];
        return tensor(codes, [sequences.Length, books, frames], device: device);
    }
}
