namespace Codec.Evaluation.Metrics;

/// <summary>Sample-by-sample measures. Signals are cut to the shorter length; nothing is aligned.</summary>
public static class WaveformMetrics
{
    private const double Guard = 1e-12, IdentityDecibels = 100;

    /// <summary>Scale-invariant signal-to-distortion ratio of zero-mean signals (Le Roux et al. 2019), dB, at most 100.</summary>
    /// <exception cref="MetricException">No samples.</exception>
    public static double SiSdr(ReadOnlySpan<float> reference, ReadOnlySpan<float> degraded)
    {
        var (r, d) = Common(reference, degraded);
        RemoveMean(r);
        RemoveMean(d);
        double rr = 0, rd = 0;
        for (var i = 0; i < r.Length; i++)
        {
            rr += r[i] * r[i];
            rd += r[i] * d[i];
        }
        var gain = rr > 0 ? rd / rr : 0;
        double target = 0, error = 0;
        for (var i = 0; i < r.Length; i++)
        {
            var t = gain * r[i];
            target += t * t;
            error += (d[i] - t) * (d[i] - t);
        }
        return Decibels(target, error);
    }

    /// <summary>Signal-to-noise ratio 10 log10(|r|^2 / |d - r|^2), dB, at most 100.</summary>
    /// <exception cref="MetricException">No samples.</exception>
    public static double Snr(ReadOnlySpan<float> reference, ReadOnlySpan<float> degraded)
    {
        var (r, d) = Common(reference, degraded);
        double signal = 0, noise = 0;
        for (var i = 0; i < r.Length; i++)
        {
            signal += r[i] * r[i];
            noise += (d[i] - r[i]) * (d[i] - r[i]);
        }
        return Decibels(signal, noise);
    }

    /// <summary>A reference with enough energy for ratios up to 100 dB: with less, the guard of the definition would decide.</summary>
    /// <exception cref="MetricException">It is silent, or all but.</exception>
    internal static ReadOnlySpan<float> Sounding(ReadOnlySpan<float> reference)
    {
        var least = Guard * Math.Pow(10, IdentityDecibels / 10);
        double energy = 0;
        foreach (var x in reference)
            energy += x * x;
        return energy >= least
            ? reference
            : throw new MetricException(FormattableString.Invariant($"the reference is all but silent: needs an energy (sum of squares) of {least}, found {energy:0.#####}"));
    }

    /// <summary>Both signals in double precision, cut to the shorter length.</summary>
    internal static (double[] Reference, double[] Degraded) Common(ReadOnlySpan<float> reference, ReadOnlySpan<float> degraded, long minimum = 1)
    {
        var length = Math.Min(reference.Length, degraded.Length);
        MetricException.RequireLength(length, minimum);
        double[] r = new double[length], d = new double[length];
        for (var i = 0; i < length; i++)
            (r[i], d[i]) = (reference[i], degraded[i]);
        return (r, d);
    }

    private static double Decibels(double signal, double noise)
        => Math.Min(IdentityDecibels, 10 * Math.Log10((signal + Guard) / (noise + Guard)));

    private static void RemoveMean(double[] x)
    {
        var mean = x.Average();
        for (var i = 0; i < x.Length; i++)
            x[i] -= mean;
    }
}
