using Codec.Audio.Dsp;

namespace Codec.Evaluation.Probes;

/// <summary>What a system made of one sine.</summary>
/// <param name="Hertz">Of the sine.</param>
/// <param name="GainDecibels">Level at that frequency, output over input.</param>
/// <param name="ImageDecibels">Strongest mirrored line (m x image rate ± f), output over input.</param>
/// <param name="ImageHertz">Where that line lies.</param>
public sealed record ToneResponse(double Hertz, double GainDecibels, double ImageDecibels, double ImageHertz);

/// <summary>What a system made of a click.</summary>
/// <param name="DelaySamples">Output samples from where the click belongs to where its largest sample came.</param>
/// <param name="SpreadDecibels">Energy further than 5 ms from there, over the energy of the whole response.</param>
public sealed record ClickResponse(int DelaySamples, double SpreadDecibels);

/// <summary>
/// Honesty of upsamplers and synthesis heads: sines, clicks and band noise go in, and what comes out where nothing should be
/// (images mirrored at multiples of the lower rate: Pons et al. 2021, "Upsampling artifacts in neural audio synthesis") or is missing is measured.
/// </summary>
public static class ImagingProbe
{
    private const double Floor = 1e-12;
    private const double ClickSeconds = 0.005;

    /// <summary>One sine after the other.</summary>
    /// <param name="system">Audio at the input rate to audio at the output rate; without delay, or with one: only levels are read.</param>
    /// <param name="inputRate">Hz.</param>
    /// <param name="outputRate">Hz.</param>
    /// <param name="imageRate">Hz: the rate that the system raises; lines are looked for at its multiples plus and minus f.</param>
    /// <param name="hertz">Frequencies, moved to the nearest that fits the analysis exactly.</param>
    /// <param name="seconds">Of each sine; a tenth at either end is not analysed.</param>
    public static IReadOnlyList<ToneResponse> Tones(
        Func<float[], float[]> system, int inputRate, int outputRate, double imageRate, IEnumerable<double> hertz, double seconds = 1)
        => [.. hertz.Select(f => Tone(system, inputRate, outputRate, imageRate, f, seconds))];

    private static ToneResponse Tone(Func<float[], float[]> system, int inputRate, int outputRate, double imageRate, double hertz, double seconds)
    {
        var analysed = (int)(seconds * 0.8 * outputRate) / 2 * 2;
        var step = (double)outputRate / analysed;
        hertz = Math.Round(hertz / step) * step;
        var input = new float[(int)(seconds * inputRate)];
        for (var i = 0; i < input.Length; i++)
            input[i] = (float)(0.25 * Math.Sin(2 * Math.PI * hertz * i / inputRate));
        var output = system(input);
        var spectrum = Spectrum(output, (int)(seconds * 0.1 * outputRate), analysed);

        // A Hann window spreads an exact line over three bins.
        double Level(double at)
        {
            var centre = (int)Math.Round(at / step);
            double largest = Floor;
            for (var k = Math.Max(0, centre - 1); k <= Math.Min(spectrum.Length - 1, centre + 1); k++)
                largest = Math.Max(largest, spectrum[k]);
            return largest / (0.25 * analysed / 4);
        }
        var (image, where) = (Floor, 0.0);
        for (var m = 1; m * imageRate - hertz < outputRate / 2.0; m++)
            foreach (var at in new[] { Math.Abs(m * imageRate - hertz), m * imageRate + hertz })
                if (at < outputRate / 2.0 && Math.Abs(at - hertz) > 4 * step && Level(at) is var level && level > image)
                    (image, where) = (level, at);
        return new ToneResponse(hertz, Decibels(Level(hertz)), Decibels(image), where);
    }

    private static double[] Spectrum(float[] signal, int start, int length)
    {
        var fft = new RealFft(length);
        var window = Windows.Hann(length);
        double[] block = new double[length], re = new double[fft.Bins], im = new double[fft.Bins];
        for (var i = 0; i < length && start + i < signal.Length; i++)
            block[i] = signal[start + i] * window[i];
        fft.Forward(block, re, im);
        return [.. re.Zip(im, (a, b) => Math.Sqrt(a * a + b * b))];
    }

    /// <summary>Noise between two frequencies: level of what comes out in the same band, over what went in, dB.</summary>
    /// <param name="system">Audio to audio at one rate.</param>
    /// <param name="rate">Hz.</param>
    /// <param name="low">Hz, lower edge.</param>
    /// <param name="high">Hz, upper edge.</param>
    /// <param name="seed">Of the noise.</param>
    public static double BandGain(Func<float[], float[]> system, int rate, double low, double high, int seed = 1)
    {
        var length = rate;
        var fft = new RealFft(length);
        double[] re = new double[fft.Bins], im = new double[fft.Bins], signal = new double[length];
        var random = new Random(seed);
        // One bin per Hz: equal magnitudes, random phases.
        for (var k = (int)Math.Ceiling(low); k <= Math.Min(high, fft.Bins - 2); k++)
            (im[k], re[k]) = Math.SinCos(2 * Math.PI * random.NextDouble());
        fft.Inverse(re, im, signal);
        var scale = 0.1 / Math.Sqrt(signal.Sum(x => x * x) / length);
        var input = Array.ConvertAll(signal, x => (float)(x * scale));
        var output = system(input);
        double Power(float[] audio) => Spectrum(audio, length / 10, length * 8 / 10 / 2 * 2)
            .Where((_, k) => k / 0.8 >= low && k / 0.8 <= high).Sum(m => m * m);
        return Decibels(Math.Sqrt(Power(output) / Power(input)));
    }

    /// <summary>One sample of half of full scale in silence.</summary>
    /// <param name="system">Audio at the input rate to audio at the output rate.</param>
    /// <param name="inputRate">Hz.</param>
    /// <param name="outputRate">Hz.</param>
    public static ClickResponse Click(Func<float[], float[]> system, int inputRate, int outputRate)
    {
        var input = new float[inputRate / 2];
        var at = input.Length / 2;
        input[at] = 0.5f;
        var output = system(input);
        var peak = 0;
        for (var i = 0; i < output.Length; i++)
            if (Math.Abs(output[i]) > Math.Abs(output[peak]))
                peak = i;
        double near = 0, far = 0;
        for (var i = 0; i < output.Length; i++)
        {
            var energy = (double)output[i] * output[i];
            if (Math.Abs(i - peak) <= ClickSeconds * outputRate)
                near += energy;
            else
                far += energy;
        }
        return new ClickResponse(peak - (int)((long)at * outputRate / inputRate), 10 * Math.Log10(Math.Max(far / Math.Max(near + far, Floor), Floor)));
    }

    private static double Decibels(double amplitude) => 20 * Math.Log10(Math.Max(amplitude, Floor));
}
