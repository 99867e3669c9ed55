namespace Codec.Speech.Ctc;

/// <summary>
/// Connectionist temporal classification (Graves et al. 2006): -log of the total probability of all frame labellings that
/// collapse to a target. Exact, in double precision; training on a device uses libtorch's operator.
/// </summary>
public static class CtcLoss
{
    /// <summary>-log P(labels | x); infinity where the labels do not fit into the frames.</summary>
    /// <param name="logProbs_TV">Log probabilities, [T][V].</param>
    public static double Compute(double[][] logProbs_TV, ReadOnlySpan<int> labels, int blank = 0)
    {
        if (logProbs_TV.Length == 0)
            return labels.Length == 0 ? 0 : double.PositiveInfinity;
        var states = CtcStates.Extend(labels, blank);
        return -Total(Forward(logProbs_TV, states)[^1]);
    }

    /// <summary>Loss and its gradient with respect to logits whose log-softmax is <paramref name="logProbs_TV"/>; both 0 where the loss is infinite.</summary>
    /// <returns>Gradient [T][V]: probability minus occupancy.</returns>
    public static (double Loss, double[][] Gradient) WithGradient(double[][] logProbs_TV, ReadOnlySpan<int> labels, int blank = 0)
    {
        var gradient = logProbs_TV.Select(row => new double[row.Length]).ToArray();
        var states = CtcStates.Extend(labels, blank);
        var loss = Compute(logProbs_TV, labels, blank);
        if (double.IsInfinity(loss) || logProbs_TV.Length == 0)
            return (0, gradient);
        var alpha = Forward(logProbs_TV, states);
        var beta = Forward(logProbs_TV.Reverse().ToArray(), states.Reverse().ToArray());
        var frames = logProbs_TV.Length;
        for (var t = 0; t < frames; t++)
        {
            for (var v = 0; v < gradient[t].Length; v++)
                gradient[t][v] = Math.Exp(logProbs_TV[t][v]);
            for (var s = 0; s < states.Length; s++)
                gradient[t][states[s]] -= Math.Exp(alpha[t][s] + beta[frames - 1 - t][states.Length - 1 - s] - logProbs_TV[t][states[s]] + loss);
        }
        return (loss, gradient);
    }

    private static double Total(double[] last)
        => last.Length == 1 ? last[0] : LogMath.Add(last[^1], last[^2]);

    // alpha[t][s]: log mass of the first t+1 frames that end in state s.
    private static double[][] Forward(double[][] logProbs_TV, int[] states)
    {
        var alpha = new double[logProbs_TV.Length][];
        for (var t = 0; t < alpha.Length; t++)
        {
            alpha[t] = new double[states.Length];
            for (var s = 0; s < states.Length; s++)
            {
                double mass;
                if (t == 0)
                    mass = s < 2 ? 0 : double.NegativeInfinity;
                else
                {
                    mass = alpha[t - 1][s];
                    if (s > 0)
                        mass = LogMath.Add(mass, alpha[t - 1][s - 1]);
                    if (CtcStates.MaySkip(states, s))
                        mass = LogMath.Add(mass, alpha[t - 1][s - 2]);
                }
                alpha[t][s] = mass + logProbs_TV[t][states[s]];
            }
        }
        return alpha;
    }
}

/// <summary>The blank-extended label sequence: blank, l1, blank, l2, ..., blank.</summary>
internal static class CtcStates
{
    public static int[] Extend(ReadOnlySpan<int> labels, int blank)
    {
        var states = new int[2 * labels.Length + 1];
        Array.Fill(states, blank);
        for (var i = 0; i < labels.Length; i++)
            states[2 * i + 1] = labels[i];
        return states;
    }

    /// <summary>Whether state s may follow s - 2: labels at odd places that differ.</summary>
    public static bool MaySkip(int[] states, int s) => s >= 3 && s % 2 == 1 && states[s] != states[s - 2];
}
