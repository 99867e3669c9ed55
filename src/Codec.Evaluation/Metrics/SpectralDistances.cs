namespace Codec.Evaluation.Metrics;

/// <summary>
/// Distances between magnitude spectra, computed at the signals' own rate. 0 for identical signals.
/// Signals are cut to the shorter length; nothing is aligned.
/// </summary>
public static class SpectralDistances
{
    private const int Shortest = 1025; // half of the longest window can be mirrored
    private const double PowerFloor = 1e-10, MagnitudeFloor = 1e-5;

    /// <summary>Log-spectral distance, STFT 2048 / 512: mean over frames of the RMS over bins of 10 log10(P_r / P_d), dB.</summary>
    /// <exception cref="MetricException">Shorter than 1025 samples.</exception>
    public static double LogSpectral(ReadOnlySpan<float> reference, ReadOnlySpan<float> degraded)
        => LogSpectral(Signal(reference), Signal(degraded));

    /// <inheritdoc cref="LogSpectral(ReadOnlySpan{float}, ReadOnlySpan{float})"/>
    internal static double LogSpectral(AnalysedSignal reference, AnalysedSignal degraded)
    {
        var length = Common(reference, degraded);
        var (pr, pd) = (Power(reference, length, 2048), Power(degraded, length, 2048));
        double sum = 0;
        for (var t = 0; t < pr.Frames; t++)
        {
            var a = pr.Frame(t);
            var b = pd.Frame(t);
            double squares = 0;
            for (var k = 0; k < a.Length; k++)
            {
                var difference = Math.Log10(Math.Max(a[k], PowerFloor) / Math.Max(b[k], PowerFloor));
                squares += difference * difference;
            }
            sum += Math.Sqrt(squares / a.Length);
        }
        return 10 * sum / pr.Frames;
    }

    /// <summary>Mel distance with the defaults of the Descript audio codec: 150 and 80 mels, windows 2048 and 512, log and magnitude terms.</summary>
    /// <exception cref="MetricException">Shorter than 1025 samples.</exception>
    public static double MelDacDefault(ReadOnlySpan<float> reference, ReadOnlySpan<float> degraded, int sampleRate)
        => MelDacDefault(Signal(reference, sampleRate), Signal(degraded, sampleRate));

    /// <inheritdoc cref="MelDacDefault(ReadOnlySpan{float}, ReadOnlySpan{float}, int)"/>
    internal static double MelDacDefault(AnalysedSignal reference, AnalysedSignal degraded)
        => MelDistance(reference, degraded, 150, 2048, exponent: 2, magnitudeTerm: true)
         + MelDistance(reference, degraded, 80, 512, exponent: 2, magnitudeTerm: true);

    /// <summary>Mel distance as in the training of the Descript audio codec: 5 .. 320 mels, windows 32 .. 2048, log term only.</summary>
    /// <exception cref="MetricException">Shorter than 1025 samples.</exception>
    public static double MelDacBase(ReadOnlySpan<float> reference, ReadOnlySpan<float> degraded, int sampleRate)
        => MelDacBase(Signal(reference, sampleRate), Signal(degraded, sampleRate));

    /// <inheritdoc cref="MelDacBase(ReadOnlySpan{float}, ReadOnlySpan{float}, int)"/>
    internal static double MelDacBase(AnalysedSignal reference, AnalysedSignal degraded)
    {
        double sum = 0;
        for (var scale = 0; scale < 7; scale++)
            sum += MelDistance(reference, degraded, 5 << scale, 32 << scale, exponent: 1, magnitudeTerm: false);
        return sum;
    }

    /// <summary>Multi-scale STFT distance with the defaults of the Descript audio codec: windows 2048 and 512, log and magnitude terms.</summary>
    /// <exception cref="MetricException">Shorter than 1025 samples.</exception>
    public static double MultiScaleStft(ReadOnlySpan<float> reference, ReadOnlySpan<float> degraded)
        => MultiScaleStft(Signal(reference), Signal(degraded));

    /// <inheritdoc cref="MultiScaleStft(ReadOnlySpan{float}, ReadOnlySpan{float})"/>
    internal static double MultiScaleStft(AnalysedSignal reference, AnalysedSignal degraded)
    {
        var length = Common(reference, degraded);
        double sum = 0;
        foreach (var window in (ReadOnlySpan<int>)[2048, 512])
            sum += Distance(Magnitude(Power(reference, length, window)), Magnitude(Power(degraded, length, window)), 2, true);
        return sum;
    }

    private static double MelDistance(AnalysedSignal reference, AnalysedSignal degraded, int bands, int window, int exponent, bool magnitudeTerm)
    {
        var length = Common(reference, degraded);
        return Distance(Mel(reference, length, bands, window), Mel(degraded, length, bands, window), exponent, magnitudeTerm);
    }

    /// <summary>Distances that work on spectra alone need no rate.</summary>
    private static AnalysedSignal Signal(ReadOnlySpan<float> samples, int sampleRate = 1) => new(samples.ToArray(), sampleRate);

    private static int Common(AnalysedSignal reference, AnalysedSignal degraded)
    {
        var length = Math.Min(reference.Length, degraded.Length);
        MetricException.RequireLength(length, Shortest);
        return length;
    }

    private static Spectrogram Mel(AnalysedSignal signal, int length, int bands, int window)
        => signal.Get($"mel {bands} {window}", length, () => new MelFilterBank(bands, window, signal.SampleRate).Apply(Magnitude(Power(signal, length, window))));

    private static Spectrogram Power(AnalysedSignal signal, int length, int window)
        => signal.Get($"power {window}", length, () => Spectrogram.Power(Array.ConvertAll(signal.Samples[..length], x => (double)x), window, window / 4));

    private static Spectrogram Magnitude(Spectrogram power) => power with { Values = Array.ConvertAll(power.Values, Math.Sqrt) };

    /// <summary>mean |log10 max(D, floor)^e - log10 max(R, floor)^e|, plus mean |D - R| where wanted.</summary>
    private static double Distance(Spectrogram r, Spectrogram d, int exponent, bool magnitudeTerm)
    {
        double logs = 0, magnitudes = 0;
        for (var i = 0; i < r.Values.Length; i++)
        {
            var (a, b) = (r.Values[i], d.Values[i]);
            logs += Math.Abs(Math.Log10(Math.Max(b, MagnitudeFloor) / Math.Max(a, MagnitudeFloor)));
            magnitudes += Math.Abs(b - a);
        }
        return (exponent * logs + (magnitudeTerm ? magnitudes : 0)) / r.Values.Length;
    }
}
