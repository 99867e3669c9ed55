using System.Collections.Concurrent;
using Codec.Evaluation.Metrics;

namespace Codec.Evaluation.Pesq;

/// <summary>
/// One signal on its way through P.862: margin, samples, margin, padding; brought to the standard level and
/// receive-filtered. Keeps one copy for the perceptual model and one, filtered further, for the time alignment.
/// </summary>
internal sealed class PesqSignal
{
    /// <summary>Blocks that are kept: 16 MB, those of half a minute.</summary>
    public const int MostBlocks = 2048;

    private const double TargetPower = 1e7, FullScale = 32768;
    /// <summary>Lengths are powers of two: a few tables serve all files.</summary>
    private static readonly ConcurrentDictionary<((double Hertz, double Decibels)[] Curve, int Length, int Rate), double[]> Gains = new();

    private readonly PesqSettings _settings;

    /// <param name="signal">At the rate of the settings.</param>
    /// <param name="longest">Samples of the longer of the two signals: the level is referred to it.</param>
    /// <param name="settings">Constants of the sample rate.</param>
    /// <param name="wideBand">P.862.2's input filter instead of the telephone receiver.</param>
    /// <exception cref="MetricException">The signal is silent.</exception>
    public PesqSignal(AnalysedSignal signal, int longest, PesqSettings settings, bool wideBand)
    {
        _settings = settings;
        Samples = signal.Length;
        Model = new double[Samples + 2 * settings.Margin + settings.Padding];
        for (var i = 0; i < Samples; i++)
            Model[settings.Margin + i] = signal.Samples[i] * FullScale;
        SetLevel(signal.Get("pesq energy", Energy) / (longest + settings.Padding)); // both bands start from it
        if (wideBand)
            WideBandFilter();
        else
            FrequencyFilter(Model, PesqTables.ReceiveCurve);
        Alignment = AlignmentCopy();
        Activity = new VoiceActivity(Alignment, Windows, settings.ActivityWindow);
    }

    /// <summary>Samples of the file.</summary>
    public int Samples { get; }

    /// <summary>Samples with both margins, without the padding.</summary>
    public int Length => Samples + 2 * _settings.Margin;

    /// <summary>Activity windows in <see cref="Length"/>.</summary>
    public int Windows => Length / _settings.ActivityWindow;

    /// <summary>Margin, samples, margin, padding at the standard level.</summary>
    public double[] Model { get; }

    /// <summary>As <see cref="Model"/>, filtered for the time alignment.</summary>
    public double[] Alignment { get; }

    public VoiceActivity Activity { get; }

    /// <summary>Spectra of blocks of <see cref="Alignment"/> by their first sample, as the delay search meets them again and again.</summary>
    public Dictionary<int, (double[] Re, double[] Im)> Blocks { get; } = [];

    /// <summary>Energy of the band that the level refers to.</summary>
    private double Energy()
    {
        double[] copy = [.. Model];
        FrequencyFilter(copy, PesqTables.LevelCurve);
        double energy = 0;
        foreach (var x in copy.AsSpan(_settings.Margin, Samples + _settings.Padding))
            energy += x * x;
        return energy;
    }

    private void SetLevel(double power)
    {
        if (power <= 0)
            throw new MetricException("no utterance: the signal is silent");
        var gain = Math.Sqrt(TargetPower / power);
        for (var i = 0; i < Model.Length; i++)
            Model[i] *= gain;
    }

    /// <summary>One FFT over samples and padding; the curve is linear in dB between its points and relative to 1 kHz.</summary>
    private void FrequencyFilter(double[] signal, (double Hertz, double Decibels)[] curve)
    {
        var part = signal.AsSpan(_settings.Margin, Samples + _settings.Padding);
        var fft = new RealFft(Fft.PowerOfTwo(part.Length));
        double[] block = new double[fft.Length], re = new double[fft.Bins], im = new double[fft.Bins];
        part.CopyTo(block);
        fft.Forward(block, re, im);
        var gains = Gains.GetOrAdd((curve, fft.Length, _settings.SampleRate), static key => GainsOf(key.Curve, key.Length, key.Rate));
        for (var k = 0; k < re.Length; k++)
        {
            re[k] *= gains[k];
            im[k] *= gains[k];
        }
        fft.Inverse(re, im, block);
        block.AsSpan(0, part.Length).CopyTo(part);
    }

    /// <summary>Factor of each bin.</summary>
    private static double[] GainsOf((double Hertz, double Decibels)[] curve, int length, int sampleRate)
    {
        var atOneKilohertz = Interpolate(curve, 1000);
        return [.. Enumerable.Range(0, length / 2 + 1).Select(k => Math.Pow(10, (Interpolate(curve, (double)k * sampleRate / length) - atOneKilohertz) / 20))];
    }

    private static double Interpolate((double Hertz, double Decibels)[] curve, double hertz)
    {
        if (hertz >= curve[^1].Hertz)
            return curve[^1].Decibels;
        var i = 1;
        while (curve[i].Hertz <= hertz)
            i++;
        var (a, b) = (curve[i - 1], curve[i]);
        return a.Decibels + (b.Decibels - a.Decibels) * (hertz - a.Hertz) / (b.Hertz - a.Hertz);
    }

    private void WideBandFilter()
    {
        const int taper = 16;
        var part = Model.AsSpan(_settings.Margin, Samples);
        for (var i = 1; i < taper; i++)
        {
            part[i - 1] *= (double)i / taper;
            part[^i] *= (double)i / taper;
        }
        Cascade(part, PesqTables.WideBandSections16);
    }

    /// <summary>Without offset, with soft ends, through the input filter of the time alignment.</summary>
    private double[] AlignmentCopy()
    {
        double[] copy = [.. Model];
        var part = copy.AsSpan(_settings.Margin, Samples);
        double sum = 0;
        foreach (var x in part)
            sum += x;
        foreach (ref var x in part)
            x -= sum / Length;
        for (var i = 0; i < _settings.ActivityWindow; i++)
        {
            var factor = (i + 0.5) / _settings.ActivityWindow;
            part[i] *= factor;
            part[^(i + 1)] *= factor;
        }
        Cascade(copy, _settings.AlignmentSections);
        return copy;
    }

    /// <summary>Biquads b0, b1, b2, a1, a2 in direct form II, one after the other.</summary>
    private static void Cascade(Span<double> signal, double[][] sections)
    {
        foreach (var s in sections)
        {
            double w1 = 0, w2 = 0;
            foreach (ref var x in signal)
            {
                var w = x - s[3] * w1 - s[4] * w2;
                x = s[0] * w + s[1] * w1 + s[2] * w2;
                (w1, w2) = (w, w1);
            }
        }
    }
}
