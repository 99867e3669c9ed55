using static TorchSharp.torch;

namespace Codec.Speech.Repair;

/// <summary>A straight line over every gap: what a repair model starts from.</summary>
internal static class GapBridge
{
    /// <param name="latent_BTD">What lost frames hold is ignored.</param>
    /// <param name="known_BT">int64; 0 = lost.</param>
    /// <param name="mean_D">Stands where no frame within reach is known.</param>
    /// <param name="past">Frames back to the farthest known one that counts.</param>
    /// <param name="future">Frames ahead.</param>
    /// <returns>[B, T, D]: known frames as they are; lost ones between the last and the next known frame, or as the one of them there is.</returns>
    public static Tensor Fill(Tensor latent_BTD, Tensor known_BT, Tensor mean_D, int past, int future)
    {
        using var scope = NewDisposeScope();
        var (batch, frames) = ((int)known_BT.shape[0], (int)known_BT.shape[1]);
        var known = known_BT.cpu().contiguous().data<long>().ToArray();
        if (Array.TrueForAll(known, k => k > 0))
            return latent_BTD.alias().MoveToOuterDisposeScope();
        var (before, after) = (new long[known.Length], new long[known.Length]);
        var (beforeShare, afterShare) = (new float[known.Length], new float[known.Length]);
        for (var row = 0; row < batch; row++)
        {
            var next = NextKnown(known.AsSpan(row * frames, frames));
            for (int t = 0, last = -1; t < frames; t++)
            {
                var i = row * frames + t;
                last = known[i] > 0 ? t : last;
                var (back, ahead) = (last < 0 || t - last > past ? -1 : t - last, next[t] < 0 || next[t] - t > future ? -1 : next[t] - t);
                (before[i], after[i]) = (back < 0 ? 0 : last, ahead < 0 ? 0 : next[t]);
                beforeShare[i] = back < 0 ? 0 : ahead < 0 || back == 0 ? 1 : (float)ahead / (back + ahead);
                afterShare[i] = ahead < 0 || back == 0 ? 0 : 1 - beforeShare[i];
            }
        }
        Tensor Taken(long[] frame, float[] share)
            => latent_BTD.gather(1, tensor(frame, [batch, frames, 1], device: latent_BTD.device).expand(latent_BTD.shape)) * Share(share);
        Tensor Share(float[] share) => tensor(share, [batch, frames, 1], device: latent_BTD.device);
        var rest = beforeShare.Zip(afterShare, (b, a) => 1 - (b + a)).ToArray();
        return (Taken(before, beforeShare) + Taken(after, afterShare) + mean_D * Share(rest)).MoveToOuterDisposeScope();
    }

    private static int[] NextKnown(ReadOnlySpan<long> known)
    {
        var next = new int[known.Length];
        for (int t = known.Length - 1, place = -1; t >= 0; t--)
            next[t] = place = known[t] > 0 ? t : place;
        return next;
    }
}
