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
        var correlation = CrossCorrelation.Full(Envelope(degraded), Envelope(reference));
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

    /// <summary>|analytic signal of (x - mean)| + mean.</summary>
    private static double[] Envelope(double[] signal)
    {
        var mean = signal.Average();
        var fft = Fft.Of(signal.Length);
        double[] re = Array.ConvertAll(signal, x => x - mean), im = new double[signal.Length];
        fft.Forward(re, im);
        var n = signal.Length;
        for (var k = 0; k < n; k++)
        {
            var gain = k == 0 || 2 * k == n ? 1 : 2 * k < n ? 2 : 0;
            re[k] *= gain;
            im[k] *= gain;
        }
        fft.Inverse(re, im);
        for (var i = 0; i < n; i++)
            re[i] = Math.Sqrt(re[i] * re[i] + im[i] * im[i]) + mean;
        return re;
    }
}
