namespace Codec.Audio.Dsp;

/// <summary>How loud samples are, relative to full scale.</summary>
public static class Level
{
    /// <summary>Root mean square of samples in [-1, 1]; 0 if empty.</summary>
    public static double Rms(ReadOnlySpan<float> samples)
    {
        double sum = 0;
        foreach (var x in samples)
            sum += (double)x * x;
        return samples.IsEmpty ? 0 : Math.Sqrt(sum / samples.Length);
    }

    /// <summary>Greatest magnitude; 0 if empty.</summary>
    public static float Peak(ReadOnlySpan<float> samples)
    {
        float peak = 0;
        foreach (var x in samples)
            peak = Math.Max(peak, Math.Abs(x));
        return peak;
    }

    /// <summary>20 log10 of an amplitude; minus infinity for silence.</summary>
    public static double Decibels(double amplitude) => 20 * Math.Log10(amplitude);

    /// <summary>10^(dB / 20).</summary>
    public static double Amplitude(double decibels) => Math.Pow(10, decibels / 20);

    /// <summary>
    /// The factor that brings samples to an RMS level without their peak passing <paramref name="maxPeak"/>; 1 for silence.
    /// </summary>
    /// <param name="samples">In [-1, 1].</param>
    /// <param name="rmsDecibels">Wanted level re full scale, e.g. -23.</param>
    /// <param name="maxPeak">Greatest magnitude allowed.</param>
    public static double GainTo(ReadOnlySpan<float> samples, double rmsDecibels, double maxPeak = 1)
    {
        var rms = Rms(samples);
        return rms == 0 ? 1 : Math.Min(Amplitude(rmsDecibels) / rms, maxPeak / Peak(samples));
    }

    /// <summary>Multiplies in place.</summary>
    public static void Scale(Span<float> samples, double gain)
    {
        foreach (ref var x in samples)
            x = (float)(x * gain);
    }
}
