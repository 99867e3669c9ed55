using Codec.Evaluation.Dsp;

namespace Codec.Evaluation.Metrics;

/// <summary>
/// Short-time objective intelligibility (Taal et al. 2011) and its extended form (Jensen and Taal 2016):
/// correlation of third-octave envelopes over 384 ms. 1 is best. Signals are cut to the shorter length; nothing is aligned.
/// </summary>
public static class Stoi
{
    private const int Rate = 10000, Frame = 256, Hop = 128, FftLength = 512, Bands = 15, Segment = 30;
    private const double DynamicRange = 40, LowestCentre = 150, Epsilon = 2.220446049250313e-16;
    private static readonly double ClipFactor = 1 + Math.Pow(10, 15.0 / 20);
    private static readonly double[] Window = Windows.SymmetricHann(Frame + 2)[1..^1];

    /// <summary>STOI in [-1, 1].</summary>
    /// <param name="reference">Clean speech.</param>
    /// <param name="degraded">The same speech, processed.</param>
    /// <param name="sampleRate">Hz; resampled to 10 kHz.</param>
    /// <exception cref="MetricException">Less than 384 ms of speech.</exception>
    public static double Score(ReadOnlySpan<float> reference, ReadOnlySpan<float> degraded, int sampleRate)
        => Score(new AnalysedSignal(reference.ToArray(), sampleRate), new AnalysedSignal(degraded.ToArray(), sampleRate));

    /// <summary>ESTOI in [-1, 1].</summary>
    /// <inheritdoc cref="Score(ReadOnlySpan{float}, ReadOnlySpan{float}, int)"/>
    public static double Extended(ReadOnlySpan<float> reference, ReadOnlySpan<float> degraded, int sampleRate)
        => Extended(new AnalysedSignal(reference.ToArray(), sampleRate), new AnalysedSignal(degraded.ToArray(), sampleRate));

    /// <inheritdoc cref="Score(ReadOnlySpan{float}, ReadOnlySpan{float}, int)"/>
    internal static double Score(AnalysedSignal reference, AnalysedSignal degraded) => Mean(reference, degraded, Correlation);

    /// <inheritdoc cref="Extended(ReadOnlySpan{float}, ReadOnlySpan{float}, int)"/>
    internal static double Extended(AnalysedSignal reference, AnalysedSignal degraded) => Mean(reference, degraded, SpectralCorrelation);

    /// <summary>Mean over all segments of [bands x 30 frames]. (The published program returns 1e-5 where fewer frames are left: not a score, so refused here.)</summary>
    private static double Mean(AnalysedSignal reference, AnalysedSignal degraded, Func<double[], double[], double> segmentScore)
    {
        var length = Math.Min(reference.Length, degraded.Length);
        MetricException.RequireLength(length, 1);
        var speech = reference.Get("stoi", length, () => Speech(Resample(reference, length)));
        var x = speech.Envelopes;
        var y = degraded.Get("stoi", speech, () => Envelopes(OverlapAdd(Resample(degraded, length), speech.Kept)));
        if (x.Length < Segment)
            throw new MetricException($"needs {Segment} frames (384 ms) that are not silent, found {x.Length}");
        double[] a = new double[Bands * Segment], b = new double[Bands * Segment];
        double sum = 0;
        for (var end = Segment; end <= x.Length; end++)
        {
            Gather(x, end - Segment, a);
            Gather(y, end - Segment, b);
            sum += segmentScore(a, b);
        }
        return sum / (x.Length - Segment + 1);
    }

    private static double[] Resample(AnalysedSignal signal, int length)
        => PolyphaseResampler.Resample(Array.ConvertAll(signal.Samples[..length], x => (double)x), signal.SampleRate, Rate);

    /// <summary>The frames of the reference that are less than 40 dB below the loudest, and the envelopes of the signal that they add up to.</summary>
    private static (int[] Kept, double[][] Envelopes) Speech(double[] r)
    {
        MetricException.RequireLength(r.Length, Frame + 1);
        var energies = new double[FrameCount(r.Length)];
        for (var t = 0; t < energies.Length; t++)
        {
            double energy = 0;
            for (var i = 0; i < Frame; i++)
                energy += Math.Pow(Window[i] * r[t * Hop + i], 2);
            energies[t] = 20 * Math.Log10(Math.Sqrt(energy) + Epsilon);
        }
        var threshold = energies.Max() - DynamicRange;
        var kept = Enumerable.Range(0, energies.Length).Where(t => energies[t] > threshold).ToArray();
        return (kept, Envelopes(OverlapAdd(r, kept)));
    }

    private static double[] OverlapAdd(double[] signal, int[] frames)
    {
        var result = new double[frames.Length == 0 ? 0 : (frames.Length - 1) * Hop + Frame];
        for (var t = 0; t < frames.Length; t++)
            for (var i = 0; i < Frame; i++)
                result[t * Hop + i] += Window[i] * signal[frames[t] * Hop + i];
        return result;
    }

    /// <summary>Frames start at multiples of the hop strictly before length - frame.</summary>
    private static int FrameCount(int length) => Math.Max(0, (length - Frame + Hop - 1) / Hop);

    /// <summary>Third-octave magnitudes: [frame][band].</summary>
    private static double[][] Envelopes(double[] signal)
    {
        var edges = BandEdges();
        var fft = new RealFft(FftLength);
        double[] block = new double[FftLength], re = new double[fft.Bins], im = new double[fft.Bins];
        var result = new double[FrameCount(signal.Length)][];
        for (var t = 0; t < result.Length; t++)
        {
            for (var i = 0; i < Frame; i++)
                block[i] = Window[i] * signal[t * Hop + i];
            fft.Forward(block, re, im);
            result[t] = new double[Bands];
            for (var band = 0; band < Bands; band++)
            {
                double power = 0;
                for (var k = edges[band].Low; k < edges[band].High; k++)
                    power += re[k] * re[k] + im[k] * im[k];
                result[t][band] = Math.Sqrt(power);
            }
        }
        return result;
    }

    private static (int Low, int High)[] BandEdges()
    {
        static int NearestBin(double hertz) => (int)Math.Round(hertz * FftLength / Rate, MidpointRounding.ToEven);
        return Enumerable.Range(0, Bands)
            .Select(k => (NearestBin(LowestCentre * Math.Pow(2, (2 * k - 1) / 6.0)), NearestBin(LowestCentre * Math.Pow(2, (2 * k + 1) / 6.0))))
            .ToArray();
    }

    /// <summary>Copies 30 frames into [band x frame].</summary>
    private static void Gather(double[][] envelopes, int start, double[] segment)
    {
        for (var t = 0; t < Segment; t++)
            for (var band = 0; band < Bands; band++)
                segment[band * Segment + t] = envelopes[start + t][band];
    }

    private static double Correlation(double[] x, double[] y)
    {
        double sum = 0;
        for (var band = 0; band < Bands; band++)
        {
            var r = x.AsSpan(band * Segment, Segment);
            var d = y.AsSpan(band * Segment, Segment);
            var scale = Norm(r, 1) / (Norm(d, 1) + Epsilon);
            for (var t = 0; t < Segment; t++)
                d[t] = Math.Min(d[t] * scale, r[t] * ClipFactor);
            Normalise(r, Segment, 1);
            Normalise(d, Segment, 1);
            for (var t = 0; t < Segment; t++)
                sum += r[t] * d[t];
        }
        return sum / Bands;
    }

    private static double SpectralCorrelation(double[] x, double[] y)
    {
        foreach (var z in (ReadOnlySpan<double[]>)[x, y])
        {
            for (var band = 0; band < Bands; band++)
                Normalise(z.AsSpan(band * Segment, Segment), Segment, 1);
            for (var t = 0; t < Segment; t++)
                Normalise(z.AsSpan(t), Bands, Segment);
        }
        double sum = 0;
        for (var i = 0; i < x.Length; i++)
            sum += x[i] * y[i];
        return sum / Segment;
    }

    /// <summary>Zero mean and unit norm over every stride-th value.</summary>
    private static void Normalise(Span<double> values, int count, int stride)
    {
        double mean = 0;
        for (var i = 0; i < count; i++)
            mean += values[i * stride];
        mean /= count;
        for (var i = 0; i < count; i++)
            values[i * stride] -= mean;
        var norm = Norm(values[..((count - 1) * stride + 1)], stride) + Epsilon;
        for (var i = 0; i < count; i++)
            values[i * stride] /= norm;
    }

    private static double Norm(ReadOnlySpan<double> values, int stride)
    {
        double sum = 0;
        for (var i = 0; i < values.Length; i += stride)
            sum += values[i] * values[i];
        return Math.Sqrt(sum);
    }
}
