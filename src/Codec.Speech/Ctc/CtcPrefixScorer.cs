using Codec.Speech.Search;

namespace Codec.Speech.Ctc;

/// <summary>
/// CTC prefix scores for joint CTC/attention decoding (Watanabe et al. 2017, Algorithm 2): psi(g) is the log probability of all
/// labellings that start with g, P(g) that of g exactly. One instance per utterance.
/// </summary>
public sealed class CtcPrefixScorer : IPartialScorer
{
    private const double Impossible = -1e10; // finite, so that differences of scores stay finite
    private readonly double[][] _logProbs;
    private readonly int _blank;
    private readonly int _end;

    /// <param name="logProbs_TV">Log probabilities, [T][V], T >= 1.</param>
    /// <param name="end">The end token: scored with the probability of the complete labelling.</param>
    public CtcPrefixScorer(double[][] logProbs_TV, int end, int blank = 0)
    {
        ArgumentOutOfRangeException.ThrowIfZero(logProbs_TV.Length);
        (_logProbs, _end, _blank) = (logProbs_TV, end, blank);
    }

    /// <summary>psi of the prefix with one more label.</summary>
    public double PrefixScore(Hypothesis prefix, int label) => Extended(Table(prefix), prefix, label).Psi;

    /// <summary>log P(g): the labelling is complete.</summary>
    public double CompleteScore(Hypothesis prefix)
    {
        var table = Table(prefix);
        return LogMath.Add(table.NonBlank[^1], table.Blank[^1]);
    }

    /// <summary>Log mass of the first t+1 frames that gave the prefix, ending in its last label / in blank.</summary>
    public (double[] NonBlank, double[] Blank) Forward(Hypothesis prefix) => (Table(prefix).NonBlank, Table(prefix).Blank);

    public void Score(Hypothesis prefix, ReadOnlySpan<int> candidates, Span<double> increments)
    {
        var table = Table(prefix);
        var before = Finite(table.Psi);
        for (var i = 0; i < candidates.Length; i++)
        {
            var psi = candidates[i] == _end ? CompleteScore(prefix)
                : candidates[i] == _blank ? Impossible : Extended(table, prefix, candidates[i]).Psi;
            increments[i] = Finite(psi) - before;
        }
    }

    private static double Finite(double score) => Math.Max(score, Impossible);

    private Prefix Table(Hypothesis prefix) => prefix.State(this, h => h.Parent is null ? Empty() : Extended(Table(h.Parent), h.Parent, h.Token));

    private Prefix Empty()
    {
        var nonBlank = new double[_logProbs.Length];
        Array.Fill(nonBlank, double.NegativeInfinity);
        var blank = new double[_logProbs.Length];
        for (var t = 0; t < blank.Length; t++)
            blank[t] = (t == 0 ? 0 : blank[t - 1]) + _logProbs[t][_blank];
        return new Prefix(nonBlank, blank, 0);
    }

    private Prefix Extended(Prefix g, Hypothesis prefix, int label)
    {
        var frames = _logProbs.Length;
        var (nonBlank, blank) = (new double[frames], new double[frames]);
        nonBlank[0] = prefix.Length == 0 ? _logProbs[0][label] : double.NegativeInfinity;
        blank[0] = double.NegativeInfinity;
        var psi = nonBlank[0];
        for (var t = 1; t < frames; t++)
        {
            var phi = label == prefix.Token ? g.Blank[t - 1] : LogMath.Add(g.NonBlank[t - 1], g.Blank[t - 1]);
            nonBlank[t] = LogMath.Add(nonBlank[t - 1], phi) + _logProbs[t][label];
            blank[t] = LogMath.Add(blank[t - 1], nonBlank[t - 1]) + _logProbs[t][_blank];
            psi = LogMath.Add(psi, phi + _logProbs[t][label]);
        }
        return new Prefix(nonBlank, blank, psi);
    }

    private sealed record Prefix(double[] NonBlank, double[] Blank, double Psi);
}
