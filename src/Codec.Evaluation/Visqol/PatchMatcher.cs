using Codec.Evaluation.Dsp;

namespace Codec.Evaluation.Visqol;

/// <summary>Finds for every patch of the reference its place in the degraded spectrogram by dynamic programming.</summary>
internal static class PatchMatcher
{
    private const int SearchPatches = 60;

    /// <summary>A patch of the reference and what it was compared with; Degraded is -1 and the bands are zero where it was skipped.</summary>
    public sealed record Match(int Reference, int Degraded, double[] Bands)
    {
        public double Similarity => Bands.Average();
    }

    /// <summary>Maximises the summed similarity with strictly increasing places.</summary>
    public static Match[] Find(Spectrogram reference, Spectrogram degraded, int[] patches, int frames)
    {
        var range = SearchPatches * frames;
        var places = degraded.Frames;
        var smoothed = new SmoothedPicture(degraded, frames);
        var own = new double[patches.Length][];
        var total = new double[patches.Length][];
        var from = new int[patches.Length][];
        for (var p = 0; p < patches.Length; p++)
        {
            var similarity = new PatchSimilarity(reference, patches[p], frames);
            own[p] = new double[places];
            total[p] = new double[places];
            from[p] = new int[places];
            Array.Fill(total[p], double.NegativeInfinity);
            var (best, bestPlace) = (double.NegativeInfinity, -1); // over the places before this one, in the row of the patch before
            for (var place = 0; place < Math.Min(places, patches[p] + range + 1); place++)
            {
                if (p > 0 && place > 0 && total[p - 1][place - 1] > best)
                    (best, bestPlace) = (total[p - 1][place - 1], place - 1);
                if (place < patches[p] - range)
                    continue;
                own[p][place] = similarity.Bands(smoothed, place).Average();
                total[p][place] = own[p][place] + (p == 0 ? 0 : best);
                from[p][place] = bestPlace;
                if (p > 0 && total[p - 1][place] > total[p][place])
                    (total[p][place], from[p][place]) = (total[p - 1][place], place);
            }
        }
        return Trace(reference, smoothed, patches, frames, total, from);
    }

    private static Match[] Trace(Spectrogram reference, SmoothedPicture degraded, int[] patches, int frames, double[][] total, int[][] from)
    {
        var matches = new Match[patches.Length];
        var place = 0;
        for (var i = 1; i < total[^1].Length; i++)
            if (total[^1][i] > total[^1][place])
                place = i;
        for (var p = patches.Length - 1; p >= 0; p--)
        {
            var skipped = p > 0 && from[p][place] == place;
            matches[p] = skipped
                ? new Match(patches[p], -1, new double[reference.Bins])
                : new Match(patches[p], place, new PatchSimilarity(reference, patches[p], frames).Bands(degraded, place));
            place = from[p][place];
        }
        return matches;
    }
}
