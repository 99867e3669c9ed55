namespace Codec.Speech.Search;

/// <summary>Choosing among finished candidates: minimum Bayes risk and best-of-N.</summary>
public static class Mbr
{
    /// <summary>The candidate of the largest mean utility against all candidates (Kumar and Byrne 2004).</summary>
    /// <param name="candidates">At least one.</param>
    /// <param name="utility">Utility of the first as an answer when the second is the truth; each pair is asked once.</param>
    /// <param name="weights">Weight of each candidate as truth (>= 0, need not sum to 1); null = uniform.</param>
    /// <returns>Index of the first best, and the expected utility of each.</returns>
    public static (int Best, double[] Expected) Select<T>(IReadOnlyList<T> candidates, Func<T, T, double> utility, IReadOnlyList<double>? weights = null)
    {
        ArgumentOutOfRangeException.ThrowIfZero(candidates.Count);
        if (weights is not null)
            ArgumentOutOfRangeException.ThrowIfNotEqual(weights.Count, candidates.Count);
        var total = weights?.Sum() ?? candidates.Count;
        var expected = new double[candidates.Count];
        for (var i = 0; i < expected.Length; i++)
        {
            double sum = 0;
            for (var j = 0; j < expected.Length; j++)
                sum += (weights?[j] ?? 1) * utility(candidates[i], candidates[j]);
            expected[i] = sum / total;
        }
        return (LogMath.ArgMax(expected), expected);
    }

    /// <summary>Index of the best of N candidates by a score; the first of equals.</summary>
    public static int BestOf<T>(IReadOnlyList<T> candidates, Func<T, double> score)
        => LogMath.ArgMax(candidates.Select(score).ToArray());

    /// <summary>1 - edit distance / length of the longer; 1 for two empty sequences.</summary>
    public static double EditSimilarity(IReadOnlyList<int> a, IReadOnlyList<int> b)
    {
        var longest = Math.Max(a.Count, b.Count);
        return longest == 0 ? 1 : 1 - (double)EditDistance(a, b) / longest;
    }

    /// <summary>Levenshtein distance: insertions, deletions, substitutions.</summary>
    public static int EditDistance(IReadOnlyList<int> a, IReadOnlyList<int> b)
    {
        var row = Enumerable.Range(0, b.Count + 1).ToArray();
        for (var i = 1; i <= a.Count; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Count; j++)
            {
                var above = row[j];
                row[j] = Math.Min(Math.Min(above, row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                diagonal = above;
            }
        }
        return row[b.Count];
    }
}
