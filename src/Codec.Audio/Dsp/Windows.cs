namespace Codec.Audio.Dsp;

/// <summary>Window functions in double precision.</summary>
public static class Windows
{
    /// <summary>Periodic Hann: 0.5 - 0.5 cos(2 pi n / N), as for spectral analysis.</summary>
    public static double[] Hann(int length) => Cosine(length, length);

    /// <summary>Symmetric Hann: 0.5 - 0.5 cos(2 pi n / (N - 1)).</summary>
    public static double[] SymmetricHann(int length) => Cosine(length, length - 1);

    /// <summary>Symmetric Kaiser window.</summary>
    public static double[] Kaiser(int length, double beta)
    {
        var window = new double[length];
        for (var n = 0; n < length; n++)
        {
            var x = 2.0 * n / (length - 1) - 1;
            window[n] = BesselI0(beta * Math.Sqrt(Math.Max(0, 1 - x * x))) / BesselI0(beta);
        }
        return window;
    }

    private static double[] Cosine(int length, int period)
    {
        var window = new double[length];
        for (var n = 0; n < length; n++)
            window[n] = 0.5 - 0.5 * Math.Cos(2 * Math.PI * n / period);
        return window;
    }

    /// <summary>Modified Bessel function of the first kind, order 0, by its power series.</summary>
    internal static double BesselI0(double x)
    {
        double sum = 1, term = 1;
        for (var k = 1; term > sum * 1e-17; k++)
        {
            term *= x / (2 * k) * (x / (2 * k));
            sum += term;
        }
        return sum;
    }
}
