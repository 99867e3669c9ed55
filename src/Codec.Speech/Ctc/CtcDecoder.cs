using Codec.Audio;

namespace Codec.Speech.Ctc;

/// <summary>A language model for prefix beam search.</summary>
/// <param name="LogProbability">log p(label | prefix), given the prefix and the next label.</param>
/// <param name="Alpha">Weight.</param>
/// <param name="Beta">Bonus per label.</param>
/// <param name="EndLogProbability">log p(end | prefix); null = not scored.</param>
public sealed record CtcLanguageModel(Func<int[], int, double> LogProbability, double Alpha = 1, double Beta = 0, Func<int[], double>? EndLogProbability = null);

/// <summary>A labelling with its score: log probability, with a language model the weighted sum.</summary>
public sealed record CtcResult(int[] Labels, double Score);

/// <summary>Text from CTC outputs.</summary>
public static class CtcDecoder
{
    /// <summary>Best path: argmax per frame, repeats merged, blanks dropped.</summary>
    /// <param name="logProbs_TV">Log probabilities, [T][V].</param>
    /// <returns>Labels, path, and the path's log probability.</returns>
    public static (int[] Labels, int[] Path, double LogProbability) Greedy(double[][] logProbs_TV, int blank = 0)
    {
        var path = logProbs_TV.Select(row => LogMath.ArgMax(row)).ToArray();
        return (Collapse(path, blank), path, path.Select((v, t) => logProbs_TV[t][v]).Sum());
    }

    /// <summary>Repeats merged, blanks dropped.</summary>
    public static int[] Collapse(ReadOnlySpan<int> path, int blank = 0)
    {
        List<int> labels = [];
        for (var t = 0; t < path.Length; t++)
            if (path[t] != blank && (t == 0 || path[t] != path[t - 1]))
                labels.Add(path[t]);
        return labels.ToArray();
    }

    /// <summary>
    /// Prefix beam search (Hannun et al. 2014), without pruning of tokens: with a wide beam and no language model the scores are
    /// the exact log probabilities of the labellings.
    /// </summary>
    /// <param name="logProbs_TV">Log probabilities, [T][V].</param>
    /// <param name="width">Prefixes kept per frame.</param>
    /// <returns>Best first; ties: shorter, then lexicographic.</returns>
    public static IReadOnlyList<CtcResult> PrefixBeam(double[][] logProbs_TV, int width, CtcLanguageModel? lm = null, int blank = 0)
    {
        Require.Positive(width);
        var root = new Prefix(null, -1) { Blank = 0 };
        List<Prefix> beam = [root];
        foreach (var frame in logProbs_TV)
        {
            List<Prefix> touched = [];
            foreach (var g in beam)
                Extend(g, frame, lm, blank, touched);
            foreach (var g in touched)
                g.Advance();
            touched.Sort(Prefix.Compare);
            foreach (var dropped in touched.Skip(width))
                dropped.Forget();
            beam = touched.Count > width ? touched[..width] : touched;
        }
        return beam.Select(g => new CtcResult(g.Labels(), g.Total + (lm?.EndLogProbability is { } end ? lm.Alpha * end(g.Labels()) : 0)))
            .OrderByDescending(r => r.Score).ThenBy(r => r.Labels.Length).ToArray();
    }

    private static void Extend(Prefix g, double[] frame, CtcLanguageModel? lm, int blank, List<Prefix> touched)
    {
        g.AddBlank(g.Total + frame[blank], touched);
        if (g.Label >= 0)
            g.AddLabel(g.NonBlank + frame[g.Label], touched);
        for (var c = 0; c < frame.Length; c++)
        {
            if (c == blank)
                continue;
            var from = c == g.Label ? g.Blank : g.Total;
            if (double.IsNegativeInfinity(from))
                continue;
            var child = g.Child(c);
            if (lm is not null && double.IsNaN(child.LmScore))
                child.LmScore = lm.Alpha * lm.LogProbability(g.Labels(), c) + lm.Beta;
            child.AddLabel(from + frame[c] + (lm is null ? 0 : child.LmScore), touched);
        }
    }

    /// <summary>A node of the prefix tree with its two log masses.</summary>
    private sealed class Prefix(Prefix? parent, int label)
    {
        private readonly Dictionary<int, Prefix> _children = [];
        private double _nextBlank = double.NegativeInfinity;
        private double _nextNonBlank = double.NegativeInfinity;
        private bool _touched;
        private readonly int _length = parent is null ? 0 : parent._length + 1;

        public int Label => label;
        public double Blank { get; set; } = double.NegativeInfinity;
        public double NonBlank { get; private set; } = double.NegativeInfinity;
        public double Total => LogMath.Add(Blank, NonBlank);
        public double LmScore { get; set; } = double.NaN;

        public Prefix Child(int c)
        {
            if (!_children.TryGetValue(c, out var child))
                _children[c] = child = new Prefix(this, c);
            return child;
        }

        public void AddBlank(double mass, List<Prefix> touched)
        {
            Touch(touched);
            _nextBlank = LogMath.Add(_nextBlank, mass);
        }

        public void AddLabel(double mass, List<Prefix> touched)
        {
            Touch(touched);
            _nextNonBlank = LogMath.Add(_nextNonBlank, mass);
        }

        public void Advance()
        {
            (Blank, NonBlank) = (_nextBlank, _nextNonBlank);
            (_nextBlank, _nextNonBlank, _touched) = (double.NegativeInfinity, double.NegativeInfinity, false);
        }

        // A prefix that leaves the beam loses its mass; it stays in the tree for its descendants.
        public void Forget() => (Blank, NonBlank) = (double.NegativeInfinity, double.NegativeInfinity);

        public int[] Labels()
        {
            var labels = new int[_length];
            for (var at = this; at._length > 0; at = at.Up)
                labels[at._length - 1] = at.Label;
            return labels;
        }

        public static int Compare(Prefix a, Prefix b)
        {
            var (x, y) = (a.Total, b.Total);
            return x != y ? y.CompareTo(x)
                : a._length != b._length ? a._length.CompareTo(b._length) : a.Labels().AsSpan().SequenceCompareTo(b.Labels());
        }

        private Prefix Up => parent!;

        private void Touch(List<Prefix> touched)
        {
            if (!_touched)
                touched.Add(this);
            _touched = true;
        }
    }
}
