namespace Codec.Evaluation.Dsp;

/// <summary>Linear cross-correlation through one FFT.</summary>
public static class CrossCorrelation
{
    /// <summary>
    /// c[i] = sum over n of x[n] y[n + lag], lag = i - (x.Length - 1), for all lags at which the signals overlap:
    /// a peak at a positive lag says that y comes later than x.
    /// </summary>
    public static double[] Full(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        var fft = new RealFft(Math.Max(2, Fft.PowerOfTwo(x.Length + y.Length - 1)));
        double[] block = new double[fft.Length];
        double[] xr = new double[fft.Bins], xi = new double[fft.Bins], yr = new double[fft.Bins], yi = new double[fft.Bins];
        x.CopyTo(block);
        fft.Forward(block, xr, xi);
        Array.Clear(block);
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
