namespace Codec.Evaluation.Metrics;

/// <summary>
/// Fundamental frequency by YIN (de Cheveigne and Kawahara 2002): cumulative-mean-normalised difference with parabolic
/// interpolation, every 10 ms, 60 to 500 Hz, below about 1 kHz; a median over five frames removes octave slips.
/// </summary>
public static class PitchTracker
{
    private const double Lowest = 60, Highest = 500, ClearDip = 0.15, Dip = 0.35, QuietDecibels = -50, LowPassHertz = 1000;

    /// <returns>Hz for each 10 ms; 0 where unvoiced.</returns>
    /// <exception cref="MetricException">Shorter than one analysis window.</exception>
    public static double[] Track(ReadOnlySpan<float> signal, int sampleRate)
    {
        var (hop, longest, shortest) = (sampleRate / 100, (int)(sampleRate / Lowest), (int)(sampleRate / Highest));
        var window = 2 * longest;
        MetricException.RequireLength(signal.Length, window + longest);
        signal = LowPass(signal, sampleRate);
        var pitch = new double[(signal.Length - window - longest) / hop + 1];
        var loudest = 0.0;
        var power = new double[pitch.Length];
        for (var t = 0; t < pitch.Length; t++)
        {
            foreach (var x in signal.Slice(t * hop, window))
                power[t] += x * x;
            loudest = Math.Max(loudest, power[t]);
        }
        var difference = new double[longest + 1];
        for (var t = 0; t < pitch.Length; t++)
            if (power[t] > loudest * Math.Pow(10, QuietDecibels / 10))
                pitch[t] = Frame(signal.Slice(t * hop, window + longest), window, shortest, difference, sampleRate);
        return Median(pitch);
    }

    /// <inheritdoc cref="Track(ReadOnlySpan{float}, int)"/>
    internal static double[] Track(AnalysedSignal signal) => signal.Get("pitch", () => Track(signal.Samples, signal.SampleRate));

    private static double Frame(ReadOnlySpan<float> frame, int window, int shortest, double[] difference, int sampleRate)
    {
        var lowest = LowestDip(frame, window, shortest, difference);
        if (difference[lowest] >= Dip)
            return 0;
        var (a, b, c) = (difference[lowest - 1], difference[lowest], difference[lowest + 1]);
        var curvature = a - 2 * b + c;
        return sampleRate / (lowest + (curvature > 0 ? 0.5 * (a - c) / curvature : 0));
    }

    /// <summary>
    /// The first clear dip, else the deepest: the first keeps to the true period where its multiples dip as well. The differences are
    /// computed no further than one beyond the dip.
    /// </summary>
    private static int LowestDip(ReadOnlySpan<float> frame, int window, int shortest, double[] difference)
    {
        var deepest = shortest;
        double running = 0;
        difference[0] = 1;
        for (var lag = 1; lag < difference.Length; lag++)
        {
            var d = SquaredDifference(frame[..window], frame.Slice(lag, window));
            running += d;
            difference[lag] = running > 0 ? d * lag / running : 1;
            var before = lag - 1; // a dip shows once the difference rises again
            if (before < shortest)
                continue;
            if (difference[before] < difference[deepest])
                deepest = before;
            if (difference[before] < ClearDip && difference[lag] >= difference[before])
                return before;
        }
        return deepest;
    }

    /// <summary>Two one-pole filters in a row: harmonics above 1 kHz only blur the period.</summary>
    private static float[] LowPass(ReadOnlySpan<float> signal, int sampleRate)
    {
        var (result, step) = (signal.ToArray(), 1 - MathF.Exp((float)(-2 * Math.PI * LowPassHertz / sampleRate)));
        float first = 0, second = 0;
        for (var i = 0; i < result.Length; i++)
        {
            first += step * (result[i] - first);
            result[i] = second += step * (first - second);
        }
        return result;
    }

    private static double SquaredDifference(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var sum = System.Numerics.Vector<float>.Zero;
        var i = 0;
        for (; i <= a.Length - System.Numerics.Vector<float>.Count; i += System.Numerics.Vector<float>.Count)
        {
            var d = new System.Numerics.Vector<float>(a[i..]) - new System.Numerics.Vector<float>(b[i..]);
            sum += d * d;
        }
        double total = System.Numerics.Vector.Sum(sum);
        for (; i < a.Length; i++)
            total += (a[i] - b[i]) * (a[i] - b[i]);
        return total;
    }

    private static double[] Median(double[] pitch)
    {
        const int reach = 2;
        var result = new double[pitch.Length];
        Span<double> near = stackalloc double[2 * reach + 1];
        for (var t = 0; t < pitch.Length; t++)
        {
            for (var k = -reach; k <= reach; k++)
                near[k + reach] = pitch[Math.Clamp(t + k, 0, pitch.Length - 1)];
            near.Sort();
            result[t] = near[reach];
        }
        return result;
    }
}
