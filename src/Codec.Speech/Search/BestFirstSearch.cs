namespace Codec.Speech.Search;

/// <summary>
/// Best-first beam search (arXiv 2007.03909): a priority queue instead of steps. At most <c>width</c> hypotheses of each length are
/// taken; a finished one re-enters at the next length, so that it competes exactly as in the stepwise beam.
/// </summary>
internal sealed class BestFirstSearch(int width, int maxLength, int end, Func<IReadOnlyList<Hypothesis>, double[][]> expand)
{
    public BeamResult Run(Func<int> modelCalls)
    {
        var queue = new PriorityQueue<Hypothesis, (Hypothesis Hypothesis, int Length)>(Comparer<(Hypothesis Hypothesis, int Length)>.Create(Compare));
        var taken = new int[maxLength + 1];
        List<(int, int[])> pops = [];
        var start = Hypothesis.Empty;
        queue.Enqueue(start, (start, 0));
        while (queue.TryDequeue(out var h, out var at))
        {
            var length = at.Length;
            if (taken[length] == width)
                continue;
            taken[length]++;
            pops.Add((length, h.Tokens()));
            if (length == maxLength)
                return new BeamResult([new RankedSequence(h.Tokens(), h.Score, h.Score)], modelCalls(), taken.Count(t => t > 0) - 1) { Pops = pops };
            if (h.Token == end && h.Length > 0)
            {
                queue.Enqueue(h, (h, length + 1));
                continue;
            }
            var scores = expand([h])[0];
            for (var token = 0; token < scores.Length; token++)
                if (!double.IsNegativeInfinity(scores[token]) && (length < maxLength - 1 || token == end) && h.Extend(token, h.Score + scores[token]) is var next)
                    queue.Enqueue(next, (next, length + 1));
        }
        return new BeamResult([], modelCalls(), 0) { Pops = pops };
    }

    private static int Compare((Hypothesis Hypothesis, int Length) a, (Hypothesis Hypothesis, int Length) b)
        => a.Hypothesis.Score != b.Hypothesis.Score ? b.Hypothesis.Score.CompareTo(a.Hypothesis.Score)
            : a.Length != b.Length ? a.Length.CompareTo(b.Length) : Hypothesis.CompareTokens(a.Hypothesis, b.Hypothesis);
}
