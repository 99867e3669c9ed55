using Codec.Evaluation.Metrics;

namespace Codec.Evaluation.Speakers;

/// <summary>
/// What a few seconds of speech say about its speaker: means and spreads of 20 mel cepstra and of their changes over the frames that
/// sound, and the level and spread of the pitch.
/// </summary>
internal static class SpeakerFeatures
{
    public const int SampleRate = 16000, Count = 3 * Cepstra + 3;
    private const int Cepstra = 20, Bands = 40, FftLength = 512, Hop = 160;
    private const double ShortestSeconds = 0.75, ActiveDecibels = 35, SilentDecibels = -100;
    private static readonly MelFilterBank Mel = new(Bands, FftLength, SampleRate, 7600);

    private static readonly double[,] Cosines = CosineTable();

    /// <param name="signal">16 kHz.</param>
    /// <returns><see cref="Count"/> values.</returns>
    /// <exception cref="MetricException">Less than 0.75 s sounds.</exception>
    public static double[] Of(AnalysedSignal signal)
    {
        var wide = Array.ConvertAll(signal.Samples, x => (double)x);
        MetricException.RequireLength(wide.Length, (long)(ShortestSeconds * SampleRate));
        var cepstra = CepstraOf(Mel.Apply(Spectrogram.Power(wide, FftLength, Hop)));
        if (cepstra.Count < ShortestSeconds * SampleRate / Hop)
            throw new MetricException($"needs at least {ShortestSeconds} s of sound, found {cepstra.Count * Hop / (double)SampleRate:0.##} s");
        var features = new double[Count];
        for (var c = 0; c < Cepstra; c++)
        {
            var (mean, deviation) = Moments([.. cepstra.Select(x => x[c])]);
            var (_, change) = Moments([.. cepstra.Skip(2).Zip(cepstra, (b, a) => b[c] - a[c])]);
            features[c] = mean;
            features[Cepstra + c] = Math.Log(deviation + 1e-3);
            features[2 * Cepstra + c] = Math.Log(change + 1e-3);
        }
        var pitch = PitchTracker.Track(signal).Where(f => f > 0).Select(Math.Log2).ToArray();
        var (level, spread) = pitch.Length >= 10 ? Moments(pitch) : (Math.Log2(150), 0.2);
        (features[^3], features[^2], features[^1]) = (level, spread, pitch.Length * (double)Hop / signal.Length);
        return features;
    }

    /// <summary>Cepstra 1 to 20 of the frames within 35 dB of the loudest.</summary>
    private static List<double[]> CepstraOf(Spectrogram mel)
    {
        var levels = Enumerable.Range(0, mel.Frames).Select(t => 10 * Math.Log10(mel.Frame(t).ToArray().Sum() + 1e-12)).ToArray();
        if (levels.Max() < SilentDecibels)
            throw new MetricException("silent signal");
        var threshold = levels.Max() - ActiveDecibels;
        var result = new List<double[]>();
        for (var t = 0; t < mel.Frames; t++)
        {
            if (levels[t] < threshold)
                continue;
            var floor = Math.Pow(10, threshold / 10) / Bands * 0.01;
            var logs = Array.ConvertAll(mel.Frame(t).ToArray(), x => Math.Log(x + floor));
            result.Add([.. Enumerable.Range(1, Cepstra).Select(c => Cosine(logs, c))]);
        }
        return result;
    }

    private static double[,] CosineTable()
    {
        var table = new double[Cepstra + 1, Bands];
        for (var order = 0; order <= Cepstra; order++)
            for (var b = 0; b < Bands; b++)
                table[order, b] = Math.Cos(Math.PI * order * (b + 0.5) / Bands);
        return table;
    }

    private static double Cosine(double[] logs, int order)
    {
        double sum = 0;
        for (var b = 0; b < logs.Length; b++)
            sum += logs[b] * Cosines[order, b];
        return sum * Math.Sqrt(2.0 / logs.Length);
    }

    private static (double Mean, double Deviation) Moments(double[] values)
    {
        var mean = values.Average();
        return (mean, Math.Sqrt(values.Average(x => (x - mean) * (x - mean))));
    }
}
