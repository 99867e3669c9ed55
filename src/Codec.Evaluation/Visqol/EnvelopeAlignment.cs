using Codec.Evaluation.Dsp;

namespace Codec.Evaluation.Visqol;

/// <summary>Alignment of two signals by the cross-correlation of their upper envelopes.</summary>
internal static class EnvelopeAlignment
{
    private const int Shortest = 32;

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

    /// <summary>
    /// |analytic signal of (x - mean)| + mean, of two signals that share one transform as its real and imaginary part. Padding with zeros to a
    /// power of two changes no score of the reference set and saves most of the time.
    /// </summary>
    private static (double[], double[]) Envelopes(double[] a, double[] b)
    {
        if (a.Length != b.Length && Fft.PowerOfTwo(a.Length) != Fft.PowerOfTwo(b.Length))
            return (Envelopes(a, a).Item1, Envelopes(b, b).Item1);
        var n = Fft.PowerOfTwo(Math.Max(a.Length, Shortest));
        double meanA = a.Average(), meanB = b.Average();
        double[] re = new double[n], im = new double[n];
        Centre(a, meanA, re);
        Centre(b, meanB, im);
        var fft = Fft.Of(n);
        fft.Forward(re, im);
        (re[0], im[0], re[n / 2], im[n / 2]) = (0, 0, 0, 0);
        for (var k = 1; k < n / 2; k++) // Hilbert transform: -i sgn(frequency)
        {
            (re[k], im[k]) = (im[k], -re[k]);
            (re[n - k], im[n - k]) = (-im[n - k], re[n - k]);
        }
        fft.Inverse(re, im);
        return (Envelope(a, meanA, re), Envelope(b, meanB, im));
    }

    private static void Centre(double[] signal, double mean, double[] target)
    {
        for (var i = 0; i < signal.Length; i++)
            target[i] = signal[i] - mean;
    }

    private static double[] Envelope(double[] signal, double mean, double[] hilbert)
    {
        var result = new double[signal.Length];
        for (var i = 0; i < result.Length; i++)
            result[i] = Math.Sqrt((signal[i] - mean) * (signal[i] - mean) + hilbert[i] * hilbert[i]) + mean;
        return result;
    }
}
