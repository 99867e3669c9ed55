using Codec.Audio;

namespace Codec.Speech.Ctc;

/// <summary>Frames of one target token.</summary>
/// <param name="Start">First frame.</param>
/// <param name="End">One past the last frame.</param>
/// <param name="Score">Mean probability of the token over its frames.</param>
public readonly record struct CtcSpan(int Token, int Start, int End, double Score);

/// <summary>The most probable frame labelling of a known text.</summary>
/// <param name="Path">Label per frame.</param>
/// <param name="TokenIndex">Index of the target token per frame; -1 for blank.</param>
/// <param name="LogProbability">Of the path.</param>
/// <param name="Spans">One per target token.</param>
public sealed record CtcAlignment(int[] Path, int[] TokenIndex, double LogProbability, CtcSpan[] Spans)
{
    /// <summary>Viterbi over the blank-extended labels.</summary>
    /// <param name="logProbs_TV">Log probabilities, [T][V].</param>
    /// <exception cref="CodecException">The labels need more frames than there are.</exception>
    public static CtcAlignment Find(double[][] logProbs_TV, ReadOnlySpan<int> labels, int blank = 0)
    {
        var needed = labels.Length;
        for (var i = 1; i < labels.Length; i++)
            if (labels[i] == labels[i - 1])
                needed++;
        if (logProbs_TV.Length < Math.Max(1, needed))
            throw new CodecException($"alignment: expected at least {Math.Max(1, needed)} frames for {labels.Length} labels, found {logProbs_TV.Length}");
        var states = CtcStates.Extend(labels, blank);
        var (path, score) = Viterbi(logProbs_TV, states);
        var index = path.Select(s => s % 2 == 1 ? s / 2 : -1).ToArray();
        return new CtcAlignment(path.Select(s => states[s]).ToArray(), index, score, Collect(logProbs_TV, labels, index));
    }

    private static (int[] Path, double Score) Viterbi(double[][] logProbs_TV, int[] states)
    {
        var frames = logProbs_TV.Length;
        var back = new byte[frames][];
        var best = new double[states.Length];
        Array.Fill(best, double.NegativeInfinity);
        for (var s = 0; s < Math.Min(2, states.Length); s++)
            best[s] = logProbs_TV[0][states[s]];
        for (var t = 1; t < frames; t++)
        {
            back[t] = new byte[states.Length];
            // From the right: best[s - 1] and best[s - 2] still hold the frame before.
            for (var s = states.Length - 1; s >= 0; s--)
            {
                var (from, step) = (best[s], (byte)0);
                if (s > 0 && best[s - 1] > from)
                    (from, step) = (best[s - 1], 1);
                if (CtcStates.MaySkip(states, s) && best[s - 2] > from)
                    (from, step) = (best[s - 2], 2);
                best[s] = from + logProbs_TV[t][states[s]];
                back[t][s] = step;
            }
        }
        var path = new int[frames];
        var at = states.Length > 1 && best[^2] > best[^1] ? states.Length - 2 : states.Length - 1;
        var score = best[at];
        for (var t = frames - 1; t >= 0; t--)
        {
            path[t] = at;
            if (t > 0)
                at -= back[t][at];
        }
        return (path, score);
    }

    private static CtcSpan[] Collect(double[][] logProbs_TV, ReadOnlySpan<int> labels, int[] index)
    {
        var spans = new CtcSpan[labels.Length];
        for (var i = 0; i < labels.Length; i++)
        {
            var start = Array.IndexOf(index, i);
            var end = Array.LastIndexOf(index, i) + 1;
            double sum = 0;
            for (var t = start; t < end; t++)
                sum += Math.Exp(logProbs_TV[t][labels[i]]);
            spans[i] = new CtcSpan(labels[i], start, end, sum / (end - start));
        }
        return spans;
    }
}
