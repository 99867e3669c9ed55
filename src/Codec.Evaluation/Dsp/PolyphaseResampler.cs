namespace Codec.Evaluation.Dsp;

/// <summary>
/// Rational resampling with a linear-phase Kaiser-windowed sinc of 60 dB rejection, zero delay: the filter that the
/// definition of STOI prescribes. Product code resamples with Codec.Audio; metrics keep the filter of their standard.
/// </summary>
public static class PolyphaseResampler
{
    /// <returns>ceil(length * to / from) samples.</returns>
    public static double[] Resample(ReadOnlySpan<double> signal, int from, int to)
    {
        if (from == to)
            return signal.ToArray();
        var divisor = (int)System.Numerics.BigInteger.GreatestCommonDivisor(from, to);
        int up = to / divisor, down = from / divisor;
        var filter = Design(up, down);
        var half = filter.Length / 2;
        var result = new double[((long)signal.Length * up + down - 1) / down];
        for (var n = 0; n < result.Length; n++)
        {
            // Output n sits at position n * down of the zero-stuffed input; taps meet non-zero samples every `up`.
            var centre = (long)n * down;
            var first = centre <= half ? 0 : (centre - half + up - 1) / up;
            var last = Math.Min(signal.Length - 1, (centre + half) / up);
            double sum = 0;
            for (var i = first; i <= last; i++)
                sum += signal[(int)i] * filter[centre - i * up + half];
            result[n] = sum;
        }
        return result;
    }

    private static double[] Design(int up, int down)
    {
        const double rejection = 60;
        var edge = 1.0 / (2 * Math.Max(up, down));
        var half = (int)Math.Ceiling((rejection - 8) / (28.714 * edge / 10));
        var window = Windows.Kaiser(2 * half + 1, 0.1102 * (rejection - 8.7));
        var filter = new double[window.Length];
        double sum = 0;
        for (var n = 0; n < filter.Length; n++)
        {
            var x = 2 * Math.PI * edge * (n - half);
            filter[n] = window[n] * (x == 0 ? 1 : Math.Sin(x) / x);
            sum += filter[n];
        }
        for (var n = 0; n < filter.Length; n++)
            filter[n] *= up / sum;
        return filter;
    }
}
