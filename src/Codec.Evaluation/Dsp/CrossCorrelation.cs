namespace Codec.Evaluation.Dsp;

/// <summary>Linear cross-correlation through one FFT.</summary>
public static class CrossCorrelation
{
    /// <summary>
    /// c[i] = sum over n of x[n] y[n + lag], lag = i - (x.Length - 1), for all lags at which the signals overlap:
    /// a peak at a positive lag says that y comes later than x.
    /// </summary>
    public static double[] Full(ReadOnlySpan<double> x, ReadOnlySpan<double> y) => Full(new CorrelationInput(x.ToArray()), y);

    /// <inheritdoc cref="Full(ReadOnlySpan{double}, ReadOnlySpan{double})"/>
    internal static double[] Full(CorrelationInput x, ReadOnlySpan<double> y)
    {
        var fft = new RealFft(Math.Max(2, Fft.PowerOfTwo(x.Length + y.Length - 1)));
        var (xr, xi) = x.Spectrum(fft);
        double[] block = new double[fft.Length], yr = new double[fft.Bins], yi = new double[fft.Bins];
        y.CopyTo(block);
        fft.Forward(block, yr, yi);
        for (var k = 0; k < xr.Length; k++)
            (yr[k], yi[k]) = (xr[k] * yr[k] + xi[k] * yi[k], xr[k] * yi[k] - xi[k] * yr[k]);
        fft.Inverse(yr, yi, block);
        var result = new double[x.Length + y.Length - 1];
        for (var i = 0; i < result.Length; i++)
        {
            var lag = i - (x.Length - 1);
            result[i] = block[lag < 0 ? lag + fft.Length : lag];
        }
        return result;
    }
}

/// <summary>One side of correlations with several signals: its spectrum is computed once for a length.</summary>
/// <param name="samples">The signal.</param>
internal sealed class CorrelationInput(double[] samples)
{
    private double[] _re = [], _im = [];
    private double? _energy;

    public int Length => samples.Length;

    /// <summary>Sum of squares.</summary>
    public double Energy => _energy ??= samples.Sum(x => x * x);

    /// <summary>Spectrum of the signal, followed by zeros.</summary>
    public (double[] Re, double[] Im) Spectrum(RealFft fft)
    {
        if (_re.Length == fft.Bins)
            return (_re, _im);
        double[] block = new double[fft.Length], re = new double[fft.Bins], im = new double[fft.Bins];
        samples.CopyTo(block, 0);
        fft.Forward(block, re, im);
        return (_re, _im) = (re, im);
    }
}
