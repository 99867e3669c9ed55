namespace Codec.Evaluation.Metrics;

/// <summary>Integrated loudness after ITU-R BS.1770-4: K-weighting, blocks of 400 ms with 75 % overlap, absolute and relative gate.</summary>
public static class Loudness
{
    private const double AbsoluteGate = -70, RelativeGate = -10, Offset = -0.691;

    /// <summary>LUFS of a mono signal.</summary>
    /// <exception cref="MetricException">Shorter than 400 ms, or nothing above -70 LUFS.</exception>
    public static double Integrated(ReadOnlySpan<float> signal, int sampleRate) => Gated(Powers(signal, sampleRate));

    /// <inheritdoc cref="Integrated(ReadOnlySpan{float}, int)"/>
    internal static double Integrated(AnalysedSignal signal) => signal.Get("loudness", () => Integrated(signal.Samples, signal.SampleRate));

    /// <summary>LUFS of a signal of some front channels, whose powers add up.</summary>
    /// <exception cref="MetricException">Shorter than 400 ms, or nothing above -70 LUFS.</exception>
    public static double Integrated(IReadOnlyList<float[]> channels, int sampleRate)
    {
        var powers = channels.Select(channel => Powers(channel, sampleRate)).ToArray();
        return Gated([.. Enumerable.Range(0, powers[0].Count).Select(i => powers.Sum(p => p[i]))]);
    }

    /// <summary>Mean squares of the weighted blocks.</summary>
    private static List<double> Powers(ReadOnlySpan<float> signal, int sampleRate)
    {
        MetricException.RequireLength(signal.Length, sampleRate * 2 / 5);
        var weighted = KWeight(signal, sampleRate);
        var (block, step) = (sampleRate * 2 / 5, sampleRate / 10);
        var powers = new List<double>();
        for (var start = 0; start + block <= weighted.Length; start += step)
        {
            double sum = 0;
            foreach (var x in weighted.AsSpan(start, block))
                sum += x * x;
            powers.Add(sum / block);
        }
        return powers;
    }

    private static double Gated(List<double> powers)
    {
        var loud = powers.Where(p => ToLoudness(p) > AbsoluteGate).ToArray();
        if (loud.Length == 0)
            throw new MetricException("nothing above the gate of -70 LUFS");
        var gate = ToLoudness(loud.Average()) + RelativeGate;
        return ToLoudness(loud.Where(p => ToLoudness(p) > gate).Average());
    }

    private static double ToLoudness(double power) => Offset + 10 * Math.Log10(Math.Max(power, 1e-30));

    /// <summary>High shelf, then high pass, each designed from its analogue prototype for the sample rate.</summary>
    private static double[] KWeight(ReadOnlySpan<float> signal, int sampleRate)
    {
        var result = new double[signal.Length];
        for (var i = 0; i < result.Length; i++)
            result[i] = signal[i];
        Biquad(result, Shelf(sampleRate));
        Biquad(result, HighPass(sampleRate));
        return result;
    }

    private static double[] Shelf(double rate)
    {
        const double frequency = 1681.974450955533, gain = 3.999843853973347, q = 0.7071752369554196;
        var k = Math.Tan(Math.PI * frequency / rate);
        var high = Math.Pow(10, gain / 20);
        var band = Math.Pow(high, 0.4996667741545416);
        var a0 = 1 + k / q + k * k;
        return [(high + band * k / q + k * k) / a0, 2 * (k * k - high) / a0, (high - band * k / q + k * k) / a0,
                2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0];
    }

    private static double[] HighPass(double rate)
    {
        const double frequency = 38.13547087602444, q = 0.5003270373238773;
        var k = Math.Tan(Math.PI * frequency / rate);
        var a0 = 1 + k / q + k * k;
        return [1, -2, 1, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0];
    }

    /// <summary>b0, b1, b2, a1, a2.</summary>
    private static void Biquad(double[] x, double[] c)
    {
        double s = 0, t = 0;
        for (var i = 0; i < x.Length; i++)
        {
            var y = c[0] * x[i] + s;
            s = c[1] * x[i] - c[3] * y + t;
            t = c[2] * x[i] - c[4] * y;
            x[i] = y;
        }
    }
}
