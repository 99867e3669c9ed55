using Codec.Evaluation.Dsp;

namespace Codec.Evaluation.Metrics;

/// <summary>A constant shift and gain between two signals.</summary>
/// <param name="ShiftSamples">Samples by which the degraded signal is late; negative where it is early.</param>
/// <param name="GainDecibels">Level of the degraded signal over the reference, after the shift.</param>
/// <param name="Correlation">Largest normalised correlation of the waveforms, 0 to 1.</param>
public sealed record Alignment(int ShiftSamples, double GainDecibels, double Correlation)
{
    private const double WaveformsAgree = 0.3, EnvelopesAgree = 0.3;

    /// <summary>
    /// The lag of the largest waveform correlation. Codecs that keep no waveform are aligned by their envelopes instead;
    /// signals that agree in neither stay as they are.
    /// </summary>
    public static Alignment Find(float[] reference, float[] degraded, int longest)
    {
        if (reference.Length == 0 || degraded.Length == 0)
            return new Alignment(0, double.NegativeInfinity, 0);
        var (r, d) = (Array.ConvertAll(reference, x => (double)x), Array.ConvertAll(degraded, x => (double)x));
        var (shift, correlation) = Peak(r, d, longest);
        if (correlation < WaveformsAgree)
        {
            var (envelopeShift, agreement) = Peak(Envelope(r), Envelope(d), longest);
            shift = agreement >= EnvelopesAgree ? envelopeShift : 0;
        }
        var (a, b) = Apply(reference, degraded, shift);
        return new Alignment(shift, 10 * Math.Log10((Power(b) + 1e-12) / (Power(a) + 1e-12)), correlation);
    }

    /// <summary>What both have in common after a shift.</summary>
    public static (float[] Reference, float[] Degraded) Apply(float[] reference, float[] degraded, int shift)
    {
        var (r, d) = (Math.Max(0, -shift), Math.Max(0, shift));
        var length = Math.Max(0, Math.Min(reference.Length - r, degraded.Length - d));
        return length == reference.Length && length == degraded.Length
            ? (reference, degraded)
            : (reference.AsSpan(Math.Min(r, reference.Length), length).ToArray(), degraded.AsSpan(Math.Min(d, degraded.Length), length).ToArray());
    }

    private static (int Shift, double Correlation) Peak(double[] reference, double[] degraded, int longest)
    {
        var scale = Math.Sqrt(reference.Sum(x => x * x) * degraded.Sum(x => x * x));
        if (scale <= 0)
            return (0, 0);
        var correlation = CrossCorrelation.Full(reference, degraded);
        var zero = reference.Length - 1;
        var best = Math.Min(zero, correlation.Length - 1);
        for (var i = Math.Max(0, zero - longest); i <= Math.Min(correlation.Length - 1, zero + longest); i++)
            if (Math.Abs(correlation[i]) > Math.Abs(correlation[best]) * (1 + 1e-9))
                best = i;
        return (best - zero, Math.Abs(correlation[best]) / scale);
    }

    /// <summary>Zero-mean smoothed magnitude (2 x 4 ms at 16 kHz): where sound begins and ends.</summary>
    private static double[] Envelope(double[] signal)
    {
        const double decay = 0.97;
        var result = Array.ConvertAll(signal, Math.Abs);
        double state = 0;
        for (var i = 0; i < result.Length; i++)
            result[i] = state = decay * state + (1 - decay) * result[i];
        state = 0;
        for (var i = result.Length - 1; i >= 0; i--)
            result[i] = state = decay * state + (1 - decay) * result[i];
        var mean = result.Average();
        return Array.ConvertAll(result, x => x - mean);
    }

    private static double Power(float[] x) => x.Length == 0 ? 0 : x.Average(v => (double)v * v);
}
