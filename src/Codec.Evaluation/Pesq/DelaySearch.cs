using Codec.Evaluation.Dsp;

namespace Codec.Evaluation.Pesq;

/// <summary>Delay between parts of two signals: crude on envelopes, fine on waveforms (P.862 sections 10.1.4 and 10.1.5).</summary>
internal sealed class DelaySearch(PesqSignal reference, PesqSignal degraded, PesqSettings settings)
{
    private readonly RealFft _fft = new(settings.AlignmentFft);
    private readonly double[] _window = Windows.Hann(settings.AlignmentFft);

    /// <summary>Delay in samples of the reference windows [start, end), near a known delay.</summary>
    public int Crude(int start, int end, int near)
    {
        var size = settings.ActivityWindow;
        var other = start + near / size;
        if (other < 0)
            (start, other) = (-near / size, 0);
        var count = end - start;
        var otherCount = Math.Min(count, degraded.Windows - other);
        if (count <= 0 || otherCount <= 0)
            return near;
        return near + size * Lag(reference.Activity.LogLevel.AsSpan(start, count), degraded.Activity.LogLevel.AsSpan(other, otherCount));
    }

    /// <summary>Lag of the largest positive cross-correlation, 0 where there is none.</summary>
    private static int Lag(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        var correlation = CrossCorrelation.Full(x, y);
        var (best, lag) = (0.0, 0);
        for (var i = 0; i < correlation.Length; i++)
            if (correlation[i] > best)
                (best, lag) = (correlation[i], i - (x.Length - 1));
        return lag;
    }

    /// <summary>Fine delay and confidence from all blocks between two samples of the reference.</summary>
    public (int Delay, double Confidence) Fine(int start, int end, int near)
    {
        var histogram = new Histogram(settings.AlignmentFft);
        var other = start + near;
        if (other < 0)
            (start, other) = (-near, 0);
        for (; start + settings.AlignmentFft <= end && other + settings.AlignmentFft <= degraded.Length; Advance(ref start, ref other, 1))
            AddBlock(histogram, start, other);
        return histogram.Peak(near);
    }

    /// <summary>
    /// Fine delays of [start, borders[i]) for ascending borders that share a crude delay: each continues where the one before ended.
    /// </summary>
    public (int Delay, double Confidence)[] FineForward(int start, int[] borders, int near)
    {
        var histogram = new Histogram(settings.AlignmentFft);
        var other = start + near;
        if (other < 0)
            (start, other) = (-near, 0);
        var results = new (int, double)[borders.Length];
        for (var i = 0; i < borders.Length; i++)
        {
            for (; start + settings.AlignmentFft <= borders[i] && other + settings.AlignmentFft <= degraded.Length; Advance(ref start, ref other, 1))
                AddBlock(histogram, start, other);
            results[i] = histogram.Peak(near);
        }
        return results;
    }

    /// <summary>Fine delays of [borders[i], end) for descending borders that share a crude delay, from the end backwards.</summary>
    public (int Delay, double Confidence)[] FineBackward(int end, int[] borders, int near)
    {
        var histogram = new Histogram(settings.AlignmentFft);
        var start = end - settings.AlignmentFft;
        var other = start + near;
        if (other + settings.AlignmentFft > degraded.Length)
        {
            other = degraded.Length - settings.AlignmentFft;
            start = other - near;
        }
        var results = new (int, double)[borders.Length];
        for (var i = 0; i < borders.Length; i++)
        {
            for (; start >= borders[i] && other >= 0; Advance(ref start, ref other, -1))
                AddBlock(histogram, start, other);
            results[i] = histogram.Peak(near);
        }
        return results;
    }

    private void Advance(ref int start, ref int other, int direction)
    {
        start += direction * settings.AlignmentFft / 4;
        other += direction * settings.AlignmentFft / 4;
    }

    private void AddBlock(Histogram histogram, int start, int other)
    {
        var n = settings.AlignmentFft;
        var (xr, xi) = reference.Blocks.TryGetValue(start, out var known) ? known : Spectrum(reference, start);
        if (reference.Blocks.Count < PesqSignal.MostBlocks)
            reference.Blocks[start] = (xr, xi);
        var (yr, yi) = Spectrum(degraded, other);
        var x = new double[n];
        for (var k = 0; k < xr.Length; k++)
            (yr[k], yi[k]) = (xr[k] * yr[k] + xi[k] * yi[k], xr[k] * yi[k] - xi[k] * yr[k]);
        _fft.Inverse(yr, yi, x);
        histogram.Add(x);
    }

    private (double[] Re, double[] Im) Spectrum(PesqSignal signal, int start)
    {
        double[] block = new double[settings.AlignmentFft], re = new double[_fft.Bins], im = new double[_fft.Bins];
        var source = signal.Alignment.AsSpan(start, block.Length);
        for (var i = 0; i < block.Length; i++)
            block[i] = source[i] * _window[i];
        _fft.Forward(block, re, im);
        return (re, im);
    }

    /// <summary>Votes of blocks for lags, each spread by a triangle.</summary>
    private sealed class Histogram(int length)
    {
        private readonly double[] _votes = new double[length];
        private readonly int _spread = length / 64;
        private double _sum;

        public void Add(double[] correlation)
        {
            double max = 0;
            foreach (var x in correlation)
                max = Math.Max(max, Math.Abs(x));
            max *= 0.99;
            var weight = Math.Pow(max, 0.125);
            for (var lag = 0; lag < length; lag++)
            {
                if (!(Math.Abs(correlation[lag]) > max))
                    continue;
                _sum += weight;
                for (var k = 1 - _spread; k < _spread; k++)
                    _votes[(lag + k + length) % length] += weight * (_spread - Math.Abs(k)) / _spread;
            }
        }

        public (int Delay, double Confidence) Peak(int near)
        {
            var (best, lag) = (0.0, 0);
            for (var i = 0; i < length; i++)
                if (_votes[i] > best)
                    (best, lag) = (_votes[i], i);
            return (near + (lag >= length / 2 ? lag - length : lag), _sum > 0 ? best / _sum : 0);
        }
    }
}
