using Codec.Audio;

namespace Codec.Evaluation.Metrics;

/// <summary>
/// A reference and what came back, at the rates that metrics ask for: mono (channels averaged), resampled once for each rate.
/// Serves one thread.
/// </summary>
public sealed class SignalPair
{
    private const double LongestShiftSeconds = 0.5;
    private readonly AudioBuffer _reference, _degraded;
    private readonly Dictionary<int, (float[] Reference, float[] Degraded)> _rates = [];
    private Alignment? _alignment;

    /// <param name="reference">Original.</param>
    /// <param name="degraded">What came back.</param>
    /// <param name="file">Path of the reference below its folder; null where it comes from no file.</param>
    public SignalPair(AudioBuffer reference, AudioBuffer degraded, string? file = null)
        => (_reference, _degraded, File) = (reference.ToMono(), degraded.ToMono(), file);

    /// <summary>Path of the reference below its folder: what a transcript is found by.</summary>
    public string? File { get; }

    /// <summary>Hz of the reference.</summary>
    public int SampleRate => _reference.SampleRate;

    /// <summary>Shift and gain between the two, at the reference's rate.</summary>
    public Alignment Alignment
        => _alignment ??= Alignment.Find(At(SampleRate).Reference, At(SampleRate).Degraded, (int)(LongestShiftSeconds * SampleRate));

    /// <summary>Both signals at a rate, as they came.</summary>
    public (float[] Reference, float[] Degraded) At(int rate)
    {
        if (!_rates.TryGetValue(rate, out var pair))
            _rates[rate] = pair = (Resampler.Resample(_reference, rate).Channel(0), Resampler.Resample(_degraded, rate).Channel(0));
        return pair;
    }

    /// <summary>Both signals at a rate, the constant shift taken out and cut to what they have in common. Gain is left alone.</summary>
    public (float[] Reference, float[] Degraded) AlignedAt(int rate)
    {
        var (reference, degraded) = At(rate);
        var shift = (int)Math.Round((double)Alignment.ShiftSamples * rate / SampleRate);
        return Alignment.Apply(reference, degraded, shift);
    }
}
