namespace Codec.Speech.Drafting;

/// <summary>
/// A pointer over N phonemes that stays or moves on by one in every frame, so that synthesis neither skips nor repeats (VALL-E R, arXiv 2406.07855).
/// Starts at phoneme 0; at the last phoneme it stays.
/// </summary>
public static class MonotonicPointer
{
    /// <summary>P(stay) = p[i] / (p[i] + p[i+1]).</summary>
    public static double StayProbability(ReadOnlySpan<double> probabilities, int at)
        => at + 1 >= probabilities.Length ? 1
            : probabilities[at] + probabilities[at + 1] is var both && both > 0 ? probabilities[at] / both : 1;

    /// <summary>Draws the next place: stays where the uniform is below <see cref="StayProbability"/>.</summary>
    public static int Sample(ReadOnlySpan<double> probabilities, int at, double uniform)
        => uniform < StayProbability(probabilities, at) ? at : at + 1;

    /// <summary>Moves only where the next phoneme is more probable.</summary>
    public static int Greedy(ReadOnlySpan<double> probabilities, int at)
        => at + 1 < probabilities.Length && probabilities[at + 1] > probabilities[at] ? at + 1 : at;

    /// <summary>Frames at each phoneme.</summary>
    public static int[] Durations(IEnumerable<int> pointer, int phonemes)
    {
        var durations = new int[phonemes];
        foreach (var at in pointer)
            durations[at]++;
        return durations;
    }
}
