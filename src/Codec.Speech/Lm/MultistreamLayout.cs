using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Speech.Lm;

/// <summary>
/// The training axis of delayed streams: a start token in front, each stream delayed (start tokens fill in). Input position s holds
/// frame s - 1 - d_k; the output at s predicts frame s - d_k.
/// </summary>
public static class MultistreamLayout
{
    /// <summary>Start tokens in front and delays applied.</summary>
    /// <param name="codes_BKT">int64 [B, K, T].</param>
    /// <param name="start">Start token of each stream.</param>
    /// <param name="delays">Delay of each stream in frames.</param>
    /// <returns>[B, K, T + 1].</returns>
    public static Tensor Delay(Tensor codes_BKT, IReadOnlyList<int> start, IReadOnlyList<int> delays)
    {
        using var scope = NewDisposeScope();
        var (batch, frames) = (codes_BKT.shape[0], codes_BKT.shape[2]);
        return stack(delays.Select((delay, k) => cat(
        [
            full([batch, Math.Min(delay, frames) + 1], start[k], ScalarType.Int64, codes_BKT.device),
            codes_BKT.select(1, k).narrow(1, 0, Math.Max(0, frames - delay)),
        ], 1)), 1).MoveToOuterDisposeScope();
    }

    /// <summary>Logits of one stream back on the time axis; the last <paramref name="delay"/> frames become NaN.</summary>
    /// <param name="logits_BSV">Outputs at the first T positions.</param>
    /// <returns>Same shape.</returns>
    public static Tensor Undelay(Tensor logits_BSV, int delay)
    {
        using var scope = NewDisposeScope();
        var frames = logits_BSV.shape[1];
        var lost = Math.Min(delay, frames);
        var tail = full([logits_BSV.shape[0], lost, logits_BSV.shape[2]], float.NaN, logits_BSV.dtype, logits_BSV.device);
        return cat([logits_BSV.narrow(1, lost, frames - lost), tail], 1).MoveToOuterDisposeScope();
    }
}
