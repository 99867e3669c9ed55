using Codec.Evaluation.Dsp;

namespace Codec.Evaluation.Visqol;

/// <summary>Alignment of two signals by the cross-correlation of their upper envelopes.</summary>
internal static class EnvelopeAlignment
{
    /// <summary>Samples by which the degraded signal is early (positive) or late (negative); 0 where that exceeds half the reference.</summary>
    public static int Lag(double[] reference, double[] degraded)
    {
        if (reference.Length == 0 || degraded.Length == 0)
            return 0;
        var (x, y) = Envelopes(degraded, reference);
        var correlation = CrossCorrelation.Full(x, y);
        var best = 0;
        for (var i = 1; i < correlation.Length; i++)
            if (correlation[i] > correlation[best])
                best = i;
        var lag = best - (degraded.Length - 1);
        return Math.Abs(lag) > reference.Length / 2 ? 0 : lag;
    }

    /// <summary>Shifts the degraded signal: it loses its head, or gets zeros in front.</summary>
    public static double[] Shift(double[] degraded, int lag)
        => lag <= 0 ? degraded[Math.Min(-lag, degraded.Length)..] : [.. new double[lag], .. degraded];

    /// <summary>|analytic signal of (x - mean)| + mean, of two signals; those of equal length share one transform as its real and imaginary part.</summary>
    private static (double[], double[]) Envelopes(double[] a, double[] b)
    {
        if (a.Length != b.Length)
            return (Envelopes(a, a).Item1, Envelopes(b, b).Item1);
        var (n, meanA, meanB) = (a.Length, a.Average(), b.Average());
        double[] re = Array.ConvertAll(a, x => x - meanA), im = Array.ConvertAll(b, x => x - meanB);
        var fft = Fft.Of(n);
        fft.Forward(re, im);
        (re[0], im[0]) = (0, 0);
        for (var k = 1; k < n; k++) // Hilbert transform: -i sgn(frequency)
            (re[k], im[k]) = 2 * k == n ? (0, 0) : 2 * k < n ? (im[k], -re[k]) : (-im[k], re[k]);
        fft.Inverse(re, im);
        for (var i = 0; i < n; i++)
        {
            re[i] = Math.Sqrt((a[i] - meanA) * (a[i] - meanA) + re[i] * re[i]) + meanA;
            im[i] = Math.Sqrt((b[i] - meanB) * (b[i] - meanB) + im[i] * im[i]) + meanB;
        }
        return (re, im);
    }
}
