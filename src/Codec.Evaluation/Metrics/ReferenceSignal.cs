using Codec.Audio;

namespace Codec.Evaluation.Metrics;

/// <summary>
/// The original of a file, shared by all conditions: resampled and analysed once. Keeps the whole signal at each rate and the few parts
/// that were compared last, as conditions of one codec lose the same samples. Serves one thread.
/// </summary>
/// <param name="audio">The recording; channels are averaged.</param>
public sealed class ReferenceSignal(AudioBuffer audio)
{
    private const int KeptParts = 2;
    private readonly AudioBuffer _mono = audio.ToMono();
    private readonly Dictionary<int, AnalysedSignal> _rates = [];
    private readonly List<(int Start, AnalysedSignal Part)> _parts = []; // the newest comes last

    /// <summary>As it was recorded.</summary>
    public AudioBuffer Audio => audio;

    /// <summary>Hz of the recording.</summary>
    public int SampleRate => _mono.SampleRate;

    /// <summary>The whole signal at a rate.</summary>
    public AnalysedSignal At(int rate)
    {
        if (!_rates.TryGetValue(rate, out var signal))
            _rates[rate] = signal = new AnalysedSignal(Resampler.Resample(_mono, rate).Channel(0), rate);
        return signal;
    }

    /// <summary>Samples [start, start + length) at a rate.</summary>
    internal AnalysedSignal Part(int rate, int start, int length)
    {
        var whole = At(rate);
        if (start == 0 && length == whole.Length)
            return whole;
        var found = _parts.FindIndex(p => p.Start == start && p.Part.SampleRate == rate && p.Part.Length == length);
        var part = found >= 0 ? _parts[found] : (start, new AnalysedSignal(whole.Samples.AsSpan(start, length).ToArray(), rate));
        if (found >= 0)
            _parts.RemoveAt(found);
        else if (_parts.Count == KeptParts)
            _parts.RemoveAt(0);
        _parts.Add(part);
        return part.Item2;
    }
}
