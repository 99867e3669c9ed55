using Codec.Evaluation.Metrics;

namespace Codec.Evaluation.Pesq;

/// <summary>
/// P.862-style score: an independent implementation after the published description of ITU-T P.862, P.862.1 and P.862.2.
/// It follows the reference values closely but is not a conformance-tested PESQ. All of it lives in this folder.
/// </summary>
public static class PesqScore
{
    private const double ShortestSeconds = 0.25;

    /// <summary>Narrow-band MOS-LQO (P.862 with the mapping of P.862.1), 1.02 to 4.55.</summary>
    /// <param name="reference">Clean speech in [-1, 1].</param>
    /// <param name="degraded">The same speech, processed; may be shifted and of another length.</param>
    /// <param name="sampleRate">8000 or 16000 Hz.</param>
    /// <exception cref="MetricException">Shorter than 0.25 s, silent, no utterance, or another sample rate.</exception>
    public static double NarrowBand(ReadOnlySpan<float> reference, ReadOnlySpan<float> degraded, int sampleRate)
        => NarrowBand(new AnalysedSignal(reference.ToArray(), sampleRate), new AnalysedSignal(degraded.ToArray(), sampleRate));

    /// <inheritdoc cref="NarrowBand(ReadOnlySpan{float}, ReadOnlySpan{float}, int)"/>
    internal static double NarrowBand(AnalysedSignal reference, AnalysedSignal degraded)
    {
        var settings = reference.SampleRate switch
        {
            8000 => PesqSettings.At8,
            16000 => PesqSettings.At16,
            _ => throw new MetricException($"narrow-band P.862 needs 8000 or 16000 Hz, found {reference.SampleRate}"),
        };
        return 0.999 + 4 / (1 + Math.Exp(-1.4945 * Raw(reference, degraded, settings, wideBand: false) + 4.6607));
    }

    /// <summary>Wide-band MOS-LQO (P.862.2), 1.02 to 4.64.</summary>
    /// <param name="reference">Clean speech in [-1, 1].</param>
    /// <param name="degraded">The same speech, processed; may be shifted and of another length.</param>
    /// <param name="sampleRate">16000 Hz.</param>
    /// <exception cref="MetricException">Shorter than 0.25 s, silent, no utterance, or another sample rate.</exception>
    public static double WideBand(ReadOnlySpan<float> reference, ReadOnlySpan<float> degraded, int sampleRate)
        => WideBand(new AnalysedSignal(reference.ToArray(), sampleRate), new AnalysedSignal(degraded.ToArray(), sampleRate));

    /// <inheritdoc cref="WideBand(ReadOnlySpan{float}, ReadOnlySpan{float}, int)"/>
    internal static double WideBand(AnalysedSignal reference, AnalysedSignal degraded)
    {
        if (reference.SampleRate != 16000)
            throw new MetricException($"wide-band P.862.2 needs 16000 Hz, found {reference.SampleRate}");
        return 0.999 + 4 / (1 + Math.Exp(-1.3669 * Raw(reference, degraded, PesqSettings.At16, wideBand: true) + 3.8224));
    }

    private static double Raw(AnalysedSignal reference, AnalysedSignal degraded, PesqSettings settings, bool wideBand)
    {
        MetricException.RequireLength(Math.Min(reference.Length, degraded.Length), (long)(ShortestSeconds * settings.SampleRate));
        var longest = Math.Max(reference.Length, degraded.Length);
        var r = reference.Get(wideBand ? "pesq wide" : "pesq narrow", longest, () => new PesqReference(new PesqSignal(reference, longest, settings, wideBand), longest, settings));
        var d = new PesqSignal(degraded, longest, settings, wideBand);
        return PerceptualModel.RawScore(r, d, TimeAlignment.Utterances(r.Signal, d, settings), settings);
    }
}
