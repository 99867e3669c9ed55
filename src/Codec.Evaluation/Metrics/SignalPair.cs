using Codec.Audio;

namespace Codec.Evaluation.Metrics;

/// <summary>
/// A reference and what came back, at the rates that metrics ask for: mono (channels averaged), resampled once for each rate.
/// Serves one thread.
/// </summary>
/// <param name="reference">Original: pairs of one file share it, and with it all that depends on the reference alone.</param>
/// <param name="degraded">What came back.</param>
/// <param name="file">Path of the reference below its folder; null where it comes from no file.</param>
public sealed class SignalPair(ReferenceSignal reference, AudioBuffer degraded, string? file = null)
{
    private const double LongestShiftSeconds = 0.5;
    private readonly AudioBuffer _degraded = degraded.ToMono();
    private readonly Dictionary<int, AnalysedSignal> _rates = [], _aligned = [];
    private Alignment? _alignment;

    /// <summary>A pair with a reference of its own.</summary>
    public SignalPair(AudioBuffer reference, AudioBuffer degraded, string? file = null)
        : this(new ReferenceSignal(reference), degraded, file)
    {
    }

    /// <summary>Path of the reference below its folder: what a transcript is found by.</summary>
    public string? File => file;

    /// <summary>Hz of the reference.</summary>
    public int SampleRate => reference.SampleRate;

    /// <summary>Shift and gain between the two, at the reference's rate.</summary>
    public Alignment Alignment
        => _alignment ??= Alignment.Find(At(SampleRate).Reference, At(SampleRate).Degraded, (int)(LongestShiftSeconds * SampleRate));

    /// <summary>Both signals at a rate, as they came.</summary>
    public (AnalysedSignal Reference, AnalysedSignal Degraded) At(int rate)
    {
        if (!_rates.TryGetValue(rate, out var signal))
            _rates[rate] = signal = new AnalysedSignal(Resampler.Resample(_degraded, rate).Channel(0), rate);
        return (reference.At(rate), signal);
    }

    /// <summary>Both signals at a rate, the constant shift taken out and cut to what they have in common. Gain is left alone.</summary>
    public (AnalysedSignal Reference, AnalysedSignal Degraded) AlignedAt(int rate)
    {
        var (whole, late) = At(rate);
        var (start, other, length) = Alignment.Overlap(whole.Length, late.Length, (int)Math.Round((double)Alignment.ShiftSamples * rate / SampleRate));
        if (!_aligned.TryGetValue(rate, out var aligned))
            _aligned[rate] = aligned = other == 0 && length == late.Length ? late : new AnalysedSignal(late.Samples.AsSpan(other, length).ToArray(), rate);
        return (reference.Part(rate, start, length), aligned);
    }
}
