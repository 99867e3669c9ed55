namespace Codec.Evaluation.Pesq;

/// <summary>Finds the utterances of the reference and the delay of each (P.862 sections 10.1.4 to 10.1.7).</summary>
internal sealed class TimeAlignment
{
    private const int MaximumUtterances = 50;
    private readonly PesqSignal _reference, _degraded;
    private readonly PesqSettings _settings;
    private readonly DelaySearch _search;

    private TimeAlignment(PesqSignal reference, PesqSignal degraded, PesqSettings settings)
    {
        (_reference, _degraded, _settings) = (reference, degraded, settings);
        _search = new DelaySearch(reference, degraded, settings);
    }

    private int Window => _settings.ActivityWindow;

    /// <summary>At least one utterance, in order of time.</summary>
    /// <exception cref="MetricException">No utterance is common to both signals.</exception>
    public static List<Utterance> Utterances(PesqSignal reference, PesqSignal degraded, PesqSettings settings)
    {
        var alignment = new TimeAlignment(reference, degraded, settings);
        var utterances = alignment.Find();
        if (utterances.Count == 0)
            throw new MetricException("no utterance found");
        alignment.SetBorders(utterances);
        for (var i = 0; i < utterances.Count && utterances.Count < MaximumUtterances;)
            if (!alignment.TrySplit(utterances, i))
                i++;
        return utterances;
    }

    /// <summary>Active runs of the reference that are long enough and overlap the degraded file, each with its delays.</summary>
    private List<Utterance> Find()
    {
        var crude = _search.Crude(0, _reference.Windows, 0);
        var earliest = PesqSettings.MinimumUtterance - crude / Window;
        var latest = (_degraded.Length - crude) / Window - PesqSettings.MinimumUtterance;
        var last = _reference.Windows - 1;
        var found = new List<Utterance>();
        foreach (var (start, stop) in VoiceActivity.Runs(_reference.Activity.Level))
        {
            var end = Math.Min(stop, last);
            if (end - start < PesqSettings.MinimumUtterance || start >= latest || end <= earliest || found.Count == MaximumUtterances)
                continue;
            var (searchStart, searchEnd) = (Math.Max(0, start - PesqSettings.SearchWindows), Math.Min(last, end + PesqSettings.SearchWindows));
            var own = _search.Crude(searchStart, searchEnd, crude);
            var (delay, confidence) = _search.Fine(searchStart * Window, searchEnd * Window, own);
            found.Add(new Utterance(searchStart, searchEnd, start, end, own, delay, confidence));
        }
        return found;
    }

    /// <summary>Every window belongs to one utterance; no utterance reaches beyond the degraded file or into its neighbour.</summary>
    private void SetBorders(List<Utterance> all)
    {
        for (var i = 1; i < all.Count; i++)
        {
            var middle = (all[i].Start + all[i - 1].End) / 2;
            all[i] = all[i] with { Start = middle };
            all[i - 1] = all[i - 1] with { End = middle };
        }
        all[0] = FitStart(all[0] with { Start = PesqSettings.SearchWindows });
        all[^1] = FitEnd(all[^1] with { End = _reference.Windows - PesqSettings.SearchWindows });
        for (var i = 1; i < all.Count; i++)
        {
            var start = all[i].Start * Window + all[i].Delay;
            var end = all[i - 1].End * Window + all[i - 1].Delay;
            if (start >= end)
                continue;
            var middle = (start + end) / 2;
            all[i] = all[i] with { Start = (Window - 1 + middle - all[i].Delay) / Window };
            all[i - 1] = all[i - 1] with { End = (middle - all[i - 1].Delay) / Window };
        }
    }

    private Utterance FitStart(Utterance u)
        => u.Start * Window + u.Delay < _settings.Margin
            ? u with { Start = PesqSettings.SearchWindows + (Window - 1 - u.Delay) / Window }
            : u;

    private Utterance FitEnd(Utterance u)
        => u.End * Window + u.Delay > _degraded.Length - _settings.Margin
            ? u with { End = (_degraded.Length - u.Delay) / Window - PesqSettings.SearchWindows }
            : u;

    /// <summary>Replaces utterance i by two where that makes both parts more certain of their delays.</summary>
    private bool TrySplit(List<Utterance> all, int i)
    {
        var whole = all[i];
        if (BestSplit(whole) is not { } split)
            return false;
        var (left, right) = split;
        if (right.Delay >= left.Delay)
        {
            // Time was inserted: half of it belongs to either side.
            var half = (right.Delay - left.Delay) / (2 * Window);
            left = left with { End = left.End + half };
            right = right with { Start = right.Start - half };
        }
        if ((left.Start - PesqSettings.SearchWindows) * Window + left.Delay < 0)
            left = left with { Start = PesqSettings.SearchWindows + (Window - 1 - left.Delay) / Window };
        all[i] = left;
        all.Insert(i + 1, FitEnd(right));
        return true;
    }

    private (Utterance Left, Utterance Right)? BestSplit(Utterance whole)
    {
        var breaks = BreakPoints(whole);
        if (breaks.Length == 0)
            return null;
        var crudeLeft = Array.ConvertAll(breaks, b => _search.Crude(whole.Start, b, whole.CrudeDelay));
        var crudeRight = Array.ConvertAll(breaks, b => _search.Crude(b, whole.End, whole.CrudeDelay));
        var left = FineDelays(breaks, crudeLeft, (borders, near) => _search.FineForward(whole.Start * Window, borders, near), reverse: false);
        var right = FineDelays(breaks, crudeRight, (borders, near) => _search.FineBackward(whole.End * Window, borders, near), reverse: true);
        var (best, sum) = (-1, 0.0);
        for (var i = 0; i < breaks.Length; i++)
            if (Math.Abs(right[i].Delay - left[i].Delay) >= Window
                && left[i].Confidence + right[i].Confidence > sum
                && left[i].Confidence > whole.Confidence && right[i].Confidence > whole.Confidence)
                (best, sum) = (i, left[i].Confidence + right[i].Confidence);
        if (best < 0)
            return null;
        return (whole with { End = breaks[best], CrudeDelay = crudeLeft[best], Delay = left[best].Delay, Confidence = left[best].Confidence },
                whole with { Start = breaks[best], CrudeDelay = crudeRight[best], Delay = right[best].Delay, Confidence = right[best].Confidence });
    }

    /// <summary>Break points that share a crude delay share their blocks: one pass for each delay.</summary>
    private (int Delay, double Confidence)[] FineDelays(int[] breaks, int[] crude,
        Func<int[], int, (int, double)[]> search, bool reverse)
    {
        var results = new (int, double)[breaks.Length];
        foreach (var group in Enumerable.Range(0, breaks.Length).GroupBy(i => crude[i]))
        {
            var members = (reverse ? group.Reverse() : group).ToArray();
            var found = search(Array.ConvertAll(members, i => breaks[i] * Window), group.Key);
            for (var k = 0; k < members.Length; k++)
                results[members[k]] = found[k];
        }
        return results;
    }

    /// <summary>Up to 40 windows at which a long utterance may be split.</summary>
    private int[] BreakPoints(Utterance u)
    {
        const int shortest = 200, most = 40;
        var level = _reference.Activity.Level;
        var (start, end) = (u.Start, Math.Min(u.End, level.Length - 1));
        while (start < end && level[start] <= 0)
            start++;
        while (end > start && level[end] <= 0)
            end--;
        end++;
        var length = end - start;
        if (length < shortest)
            return [];
        var delta = _settings.AlignmentFft / (4 * Window);
        var step = (int)((0.801 * length + most * delta - 1) / (most * delta)) * delta;
        var margin = Math.Max(PesqSettings.SearchWindows, length / 10);
        return Enumerable.Range(0, most)
            .Select(i => start + margin + i * step)
            .Where((b, i) => i == 0 || b <= end - margin)
            .ToArray();
    }
}
