namespace Codec.Evaluation.Metrics;

/// <summary>Agreement of the fundamental frequency of two aligned signals.</summary>
public static class PitchMetrics
{
    private const int FewestFrames = 10;

    /// <summary>Correlation of log F0, RMS error in cents (both where both are voiced), share of frames voiced in one signal only.</summary>
    /// <exception cref="MetricException">Too short, or voiced in common for less than 0.1 s.</exception>
    public static double[] Compare(ReadOnlySpan<float> reference, ReadOnlySpan<float> degraded, int sampleRate)
        => Compare(PitchTracker.Track(reference, sampleRate), PitchTracker.Track(degraded, sampleRate));

    /// <inheritdoc cref="Compare(ReadOnlySpan{float}, ReadOnlySpan{float}, int)"/>
    internal static double[] Compare(AnalysedSignal reference, AnalysedSignal degraded)
        => Compare(PitchTracker.Track(reference), PitchTracker.Track(degraded));

    private static double[] Compare(double[] r, double[] d)
    {
        var frames = Math.Min(r.Length, d.Length);
        var (x, y) = (new List<double>(), new List<double>());
        var mismatches = 0;
        for (var t = 0; t < frames; t++)
        {
            if (r[t] > 0 && d[t] > 0)
            {
                x.Add(Math.Log2(r[t]));
                y.Add(Math.Log2(d[t]));
            }
            else if (r[t] > 0 != d[t] > 0)
            {
                mismatches++;
            }
        }
        if (x.Count < FewestFrames)
            throw new MetricException($"needs at least {FewestFrames} frames voiced in both signals, found {x.Count}");
        var error = Math.Sqrt(x.Zip(y, (a, b) => (a - b) * (a - b)).Average()) * 1200;
        return [Statistics.Correlation.Pearson(x, y), error, (double)mismatches / frames];
    }
}
