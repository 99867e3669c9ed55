using Codec.Evaluation.Dsp;
using Codec.Evaluation.Metrics;

namespace Codec.Evaluation.Visqol;

/// <summary>
/// ViSQOL v3 (Chinen et al. 2020): similarity of gammatone spectrograms, patch by patch, after alignment.
/// Independent implementation; agrees with the published conformance values of version 333.
/// </summary>
public static class VisqolScore
{
    /// <summary>Compares two signals.</summary>
    /// <param name="reference">Mono.</param>
    /// <param name="degraded">Mono, same rate; may be shifted, scaled and of another length.</param>
    /// <param name="sampleRate">Hz: 16000 for speech, 48000 for audio; other rates are taken as they are.</param>
    /// <param name="mode">Which bands and patches.</param>
    /// <exception cref="MetricException">Too short for a single patch, or silent.</exception>
    public static VisqolResult Measure(ReadOnlySpan<float> reference, ReadOnlySpan<float> degraded, int sampleRate, VisqolMode mode)
        => Measure(new AnalysedSignal(reference.ToArray(), sampleRate), new AnalysedSignal(degraded.ToArray(), sampleRate), mode);

    /// <inheritdoc cref="Measure(ReadOnlySpan{float}, ReadOnlySpan{float}, int, VisqolMode)"/>
    internal static VisqolResult Measure(AnalysedSignal reference, AnalysedSignal degraded, VisqolMode mode)
    {
        var neurogram = new Neurogram(reference.SampleRate, mode);
        var frames = mode == VisqolMode.Speech ? 20 : 30;
        var (r, d) = (reference.Get("visqol samples", () => Widen(reference)), Widen(degraded));
        MetricException.RequireLength(Math.Min(r.Length, d.Length), neurogram.Window + (long)frames * 3 / 2 * neurogram.Hop);
        var lag = EnvelopeAlignment.Lag(r, d);
        d = MatchLevel(r, EnvelopeAlignment.Shift(d, lag));
        MetricException.RequireLength(d.Length, neurogram.Window);
        var (levels, degradedLevels) = (reference.Get("visqol", mode, () => neurogram.Decibels(r)), neurogram.Decibels(d));
        var (pr, pd) = Neurogram.Compare(levels, degradedLevels);
        var patches = mode == VisqolMode.Speech ? SpeechPatches(r, pr.Frames, frames, neurogram.Hop) : AudioPatches(pr.Frames, frames);
        patches = [.. patches.Where(start => start - frames / 2 <= pd.Frames)]; // beyond the end of the degraded signal there is nothing to match
        if (patches.Length == 0)
            throw new MetricException("no patch of the reference is active");
        var matches = PatchMatcher.Find(pr, pd, patches, frames);
        for (var i = 0; i < matches.Length; i++)
            matches[i] = Refine(matches[i], (r, levels), (d, degradedLevels), neurogram, frames);
        var bands = Enumerable.Range(0, pr.Bins).Select(b => matches.Average(m => m.Bands[b])).ToArray();
        return new VisqolResult(bands.Average(), bands, (double)lag / reference.SampleRate);
    }

    private static double[] Widen(ReadOnlySpan<float> signal)
    {
        var result = new double[signal.Length];
        for (var i = 0; i < result.Length; i++)
            result[i] = signal[i];
        return result;
    }

    private static double[] MatchLevel(double[] reference, double[] degraded)
    {
        var (r, d) = (Rms(reference), Rms(degraded));
        if (r == 0 || d == 0)
            throw new MetricException("silent signal");
        return Array.ConvertAll(degraded, x => x * r / d);
    }

    private static double Rms(ReadOnlySpan<double> signal)
    {
        double sum = 0;
        foreach (var x in signal)
            sum += x * x;
        return signal.Length == 0 ? 0 : Math.Sqrt(sum / signal.Length);
    }

    private static int[] AudioPatches(int total, int frames)
    {
        var patches = new List<int>();
        for (var start = frames / 2 - 1; start + 1 < total - frames; start += frames)
            patches.Add(start);
        return [.. patches];
    }

    /// <summary>Patches with at least one active frame.</summary>
    private static int[] SpeechPatches(double[] reference, int total, int frames, int hop)
    {
        var first = frames / 2 - 1;
        var count = Math.Max(0, (total - first) / frames);
        var active = Activity(reference, first, count * frames, hop);
        return Enumerable.Range(0, count)
            .Where(p => active.AsSpan(p * frames, frames).Contains(true))
            .Select(p => first + p * frames)
            .ToArray();
    }

    /// <summary>
    /// Activity of chunks of one hop: a chunk is active unless it and the two before it are quiet. The first chunk starts at sample
    /// `first`, the number of a frame: so does the published tool, and its values follow from it.
    /// </summary>
    private static bool[] Activity(double[] reference, int first, int count, int hop)
    {
        const double quiet = 5000;
        const int hangover = 2;
        var maximum = reference.Max();
        var loud = new bool[count];
        for (var c = 0; c < count; c++)
        {
            var start = Math.Min(first + c * hop, reference.Length);
            var chunk = reference.AsSpan(start, Math.Min(hop, reference.Length - start));
            loud[c] = Rms(chunk) / maximum * 32768 >= quiet;
        }
        return Enumerable.Range(0, count)
            .Select(c => c < hangover || loud.AsSpan(c - hangover, hangover + 1).Contains(true))
            .ToArray();
    }

    /// <summary>Aligns a matched pair in time once more and keeps the better similarity.</summary>
    private static PatchMatcher.Match Refine(
        PatchMatcher.Match match, (double[] Samples, Spectrogram Levels) reference, (double[] Samples, Spectrogram Levels) degraded, Neurogram neurogram, int frames)
    {
        if (match.Degraded < 0)
            return match;
        var r = Cut(reference.Samples, match.Reference * neurogram.Hop, frames * neurogram.Hop + 1);
        var d = Cut(degraded.Samples, match.Degraded * neurogram.Hop, frames * neurogram.Hop + 1);
        var lag = EnvelopeAlignment.Lag(r, d);
        d = lag == 0 ? d : EnvelopeAlignment.Shift(d, lag);
        if (lag > 0)
        {
            d = d[lag..r.Length];
            r = r[lag..];
        }
        else
        {
            r = r[..Math.Min(r.Length, d.Length)];
        }
        if (Math.Min(r.Length, d.Length) < neurogram.Window)
            return match;
        var (pr, pd) = Neurogram.Compare(LevelsOf(reference.Levels, match.Reference, r, lag <= 0, neurogram), LevelsOf(degraded.Levels, match.Degraded, d, lag == 0, neurogram));
        var refined = match with { Bands = new PatchSimilarity(pr, 0, pr.Frames).Bands(new SmoothedPicture(pd, Math.Max(0, pr.Frames - pd.Frames)), 0) };
        return refined.Similarity < match.Similarity ? match : refined;
    }

    /// <summary>
    /// Levels of a part of a signal. A part that starts with a frame of the signal shares its frames, except those with samples beyond the end.
    /// </summary>
    private static Spectrogram LevelsOf(Spectrogram whole, int first, double[] part, bool startsWithFrame, Neurogram neurogram)
    {
        var count = neurogram.FrameCount(part.Length);
        return startsWithFrame && first + count <= whole.Frames ? Neurogram.Frames(whole, first, count) : neurogram.Decibels(part);
    }

    private static double[] Cut(double[] signal, int start, int length)
    {
        var part = new double[length];
        signal.AsSpan(start, Math.Min(length, signal.Length - start)).CopyTo(part);
        return part;
    }
}
