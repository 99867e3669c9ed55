namespace Codec.Evaluation.Pesq;

/// <summary>Where a signal holds speech, in windows of 4 ms (P.862 section 10.1.3).</summary>
internal sealed class VoiceActivity
{
    private const double RelativeFloor = 1e-4;
    private const int ShortestBurst = 4, LongestGap = 50;

    /// <summary>Level of a window; 0 where nothing is active.</summary>
    public double[] Level { get; }

    /// <summary>ln(level / threshold) above the threshold, else 0.</summary>
    public double[] LogLevel { get; }

    /// <param name="signal">Filtered for the alignment.</param>
    /// <param name="windows">Windows to look at.</param>
    /// <param name="size">Samples of a window.</param>
    public VoiceActivity(double[] signal, int windows, int size)
    {
        Level = new double[windows];
        for (var w = 0; w < windows; w++)
        {
            double sum = 0;
            foreach (var x in signal.AsSpan(w * size, size))
                sum += x * x;
            Level[w] = sum / size;
        }
        var mean = Level.Average();
        var floor = Level.Max() is > 0 and var max ? max * RelativeFloor : 1;
        for (var w = 0; w < windows; w++)
            Level[w] = Math.Max(Level[w], floor);
        var threshold = Threshold(mean);
        threshold = MarkSilence(threshold, floor);
        FillGaps(floor);
        SoftenEdges();
        LogLevel = new double[windows];
        for (var w = 0; w < windows; w++)
        {
            Level[w] = Math.Max(0, Level[w]);
            LogLevel[w] = Level[w] > threshold ? Math.Log(Level[w] / threshold) : 0;
        }
    }

    private double Threshold(double threshold)
    {
        for (var round = 0; round < 12; round++)
        {
            var quiet = Level.Where(x => x <= threshold).ToArray();
            if (quiet.Length == 0)
                break;
            var mean = quiet.Average();
            threshold = 1.001 * (mean + 2 * Math.Sqrt(quiet.Average(x => (x - mean) * (x - mean))));
        }
        return threshold;
    }

    /// <summary>Silent windows become negative; bursts that are too short or, before a quiet background, too weak as well.</summary>
    /// <returns>The threshold in force: the floor if nothing lies above the given one.</returns>
    private double MarkSilence(double threshold, double floor)
    {
        var (active, inactive) = (Level.Where(x => x > threshold).ToArray(), Level.Where(x => x <= threshold).ToArray());
        if (active.Length == 0)
            threshold = -1;
        for (var w = 0; w < Level.Length; w++)
            if (Level[w] <= threshold)
                Level[w] = -Level[w];
        Level[0] = Level[^1] = -floor;
        RemoveBursts((start, end) => end - start <= ShortestBurst);
        if (active.Length > 0 && active.Average() >= 1000 * (inactive.Length > 0 ? inactive.Average() : 0))
            RemoveBursts((start, end) => Level.AsSpan(start, end - start).ToArray().Average() < 3 * threshold);
        return threshold <= 0 ? floor : threshold;
    }

    private void RemoveBursts(Func<int, int, bool> unwanted)
    {
        foreach (var (start, end) in Runs().ToArray())
            if (unwanted(start, end))
                for (var w = start; w < end; w++)
                    Level[w] = -Level[w];
    }

    private void FillGaps(double floor)
    {
        var runs = Runs().ToArray();
        if (runs.Length == 0)
        {
            for (var w = 0; w < Level.Length; w++)
                Level[w] = Math.Abs(Level[w]);
            Level[0] = Level[^1] = -floor;
        }
        for (var i = 1; i < runs.Length; i++)
            if (runs[i].Start - runs[i - 1].End <= LongestGap)
                Level.AsSpan(runs[i - 1].End, runs[i].Start - runs[i - 1].End).Fill(floor);
    }

    private void SoftenEdges()
    {
        foreach (var (start, end) in Runs().ToArray())
        {
            var (first, last) = (Level[start], Level[end - 1]);
            if (start >= 2)
                (Level[start - 2], Level[start - 1]) = (0.1 * first, 0.3 * first);
            if (end + 1 < Level.Length)
                (Level[end], Level[end + 1]) = (0.3 * last, 0.1 * last);
        }
    }

    /// <summary>Runs [Start, End) of active windows.</summary>
    private IEnumerable<(int Start, int End)> Runs() => Runs(Level);

    /// <summary>Runs [Start, End) of positive values.</summary>
    public static IEnumerable<(int Start, int End)> Runs(double[] levels)
    {
        for (var w = 0; w < levels.Length; w++)
        {
            if (levels[w] <= 0)
                continue;
            var start = w;
            while (w < levels.Length && levels[w] > 0)
                w++;
            yield return (start, w);
        }
    }
}
