using Codec.Evaluation.Dsp;

namespace Codec.Evaluation.Metrics;

/// <summary>A constant shift and gain between two signals.</summary>
/// <param name="ShiftSamples">Samples by which the degraded signal is late; negative where it is early.</param>
/// <param name="GainDecibels">Level of the degraded signal over the reference, after the shift.</param>
/// <param name="Correlation">Largest normalised correlation of the waveforms, 0 to 1.</param>
public sealed record Alignment(int ShiftSamples, double GainDecibels, double Correlation)
{
    // Voices whose phases a codec made up agree by up to a half at a lag of some periods of the pitch.
    private const double WaveformsAgree = 0.6, EnvelopesAgree = 0.3;

    /// <summary>
    /// The lag of the largest waveform correlation. Codecs that keep no waveform are aligned by their envelopes instead;
    /// signals that agree in neither stay as they are.
    /// </summary>
    public static Alignment Find(AnalysedSignal reference, AnalysedSignal degraded, int longest)
    {
        if (reference.Length == 0 || degraded.Length == 0)
            return new Alignment(0, double.NegativeInfinity, 0);
        var (r, d) = (reference.Get("alignment waveform", () => new CorrelationInput(Wide(reference))), Wide(degraded));
        var (shift, correlation) = Peak(r, d, longest);
        if (correlation < WaveformsAgree)
        {
            var (envelopeShift, agreement) = Peak(reference.Get("alignment envelope", () => new CorrelationInput(Envelope(Wide(reference)))), Envelope(d), longest);
            shift = agreement >= EnvelopesAgree ? envelopeShift : 0;
        }
        var (start, other, length) = Overlap(reference.Length, degraded.Length, shift);
        var (a, b) = (Power(reference.Samples.AsSpan(start, length)), Power(degraded.Samples.AsSpan(other, length)));
        return new Alignment(shift, 10 * Math.Log10((b + 1e-12) / (a + 1e-12)), correlation);
    }

    /// <summary>What two signals have in common after a shift: where it starts in each, and how long it is.</summary>
    public static (int Reference, int Degraded, int Length) Overlap(int reference, int degraded, int shift)
    {
        var (r, d) = (Math.Min(Math.Max(0, -shift), reference), Math.Min(Math.Max(0, shift), degraded));
        return (r, d, Math.Min(reference - r, degraded - d));
    }

    private static double[] Wide(AnalysedSignal signal) => Array.ConvertAll(signal.Samples, x => (double)x);

    private static (int Shift, double Correlation) Peak(CorrelationInput reference, double[] degraded, int longest)
    {
        var scale = Math.Sqrt(reference.Energy * degraded.Sum(x => x * x));
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

    private static double Power(ReadOnlySpan<float> signal)
    {
        double sum = 0;
        foreach (var x in signal)
            sum += (double)x * x;
        return signal.Length == 0 ? 0 : sum / signal.Length;
    }
}
