using System.Text.Json;
using Codec.Evaluation.Metrics;

namespace Codec.Evaluation.Speakers;

/// <summary>
/// A speaker embedding: linear discriminant analysis of <see cref="SpeakerFeatures"/>, compared by cosine. Small and trained by us
/// (speaker-embedding.md); it tells speakers apart well enough to notice when a codec changes a voice.
/// </summary>
public sealed class SpeakerModel
{
    private const string Resource = "Codec.Evaluation.Speakers.speaker-embedding.json";
    private static readonly Lazy<SpeakerModel> Shipped = new(LoadShipped);
    private readonly double[] _mean;
    private readonly double[][] _projection;

    private SpeakerModel(double[] mean, double[][] projection) => (_mean, _projection) = (mean, projection);

    /// <summary>The model that comes with the library.</summary>
    public static SpeakerModel Default => Shipped.Value;

    private static SpeakerModel LoadShipped()
    {
        using var stream = typeof(SpeakerModel).Assembly.GetManifestResourceStream(Resource)
            ?? throw new MetricException("this build has no speaker embedding");
        var weights = JsonSerializer.Deserialize<Weights>(stream)!;
        return new SpeakerModel(weights.Mean, weights.Projection);
    }

    /// <summary>The weights as JSON.</summary>
    public void Save(Stream stream) => JsonSerializer.Serialize(stream, new Weights(
        [.. _mean.Select(x => Math.Round(x, 6))], [.. _projection.Select(row => row.Select(x => Math.Round(x, 6)).ToArray())]));

    private sealed record Weights(double[] Mean, double[][] Projection);

    /// <summary>An embedding of unit length.</summary>
    /// <param name="signal">16 kHz.</param>
    /// <exception cref="MetricException">Less than 0.75 s sounds.</exception>
    public double[] Embed(ReadOnlySpan<float> signal) => Embed(SpeakerFeatures.Of(new AnalysedSignal(signal.ToArray(), SpeakerFeatures.SampleRate)));

    private double[] Embed(double[] features)
    {
        var embedding = Array.ConvertAll(_projection, row => row.Select((w, i) => w * (features[i] - _mean[i])).Sum());
        var norm = Math.Sqrt(embedding.Sum(x => x * x));
        return Array.ConvertAll(embedding, x => x / Math.Max(norm, 1e-12));
    }

    /// <summary>Cosine of the embeddings of two signals at 16 kHz: 1 = the same voice.</summary>
    /// <exception cref="MetricException">Less than 0.75 s sounds in one of them.</exception>
    public double Similarity(ReadOnlySpan<float> a, ReadOnlySpan<float> b) => Cosine(Embed(a), Embed(b));

    /// <inheritdoc cref="Similarity(ReadOnlySpan{float}, ReadOnlySpan{float})"/>
    internal double Similarity(AnalysedSignal a, AnalysedSignal b) => Cosine(Embed(a), Embed(b));

    private double[] Embed(AnalysedSignal signal) => signal.Get("speaker", this, () => Embed(SpeakerFeatures.Of(signal)));

    private static double Cosine(double[] x, double[] y) => x.Zip(y, (p, q) => p * q).Sum();

    /// <summary>
    /// Learns from clips of known speakers. Every clip is also seen through made-up microphones (random offsets of the mean cepstra),
    /// so that the embedding does not mistake a channel for a voice.
    /// </summary>
    /// <param name="clips">16 kHz, a few seconds each, at least two for each speaker; clips that are mostly pause are left out.</param>
    /// <param name="dimensions">Of the embedding.</param>
    /// <param name="seed">Of the microphones.</param>
    public static SpeakerModel Train(IEnumerable<(string Speaker, float[] Signal)> clips, int dimensions = 32, int seed = 1)
    {
        const int microphones = 4;
        var random = new Random(seed);
        var samples = new List<(string Speaker, double[] X)>();
        foreach (var (speaker, signal) in clips)
        {
            double[] plain;
            try
            {
                plain = SpeakerFeatures.Of(new AnalysedSignal(signal, SpeakerFeatures.SampleRate));
            }
            catch (MetricException)
            {
                continue; // mostly a pause
            }
            samples.Add((speaker, plain));
            for (var m = 0; m < microphones; m++)
                samples.Add((speaker, [.. plain.Select((x, i) => i < 20 ? x + Gaussian(random) * 4 / (1 + i) : x)]));
        }
        var mean = Mean(samples.Select(s => s.X));
        var speakers = samples.GroupBy(s => s.Speaker).Select(g => (Mean: Mean(g.Select(s => s.X)), Members: g.Select(s => s.X).ToArray())).ToArray();
        var within = Scatter(speakers.SelectMany(s => s.Members.Select(x => Subtract(x, s.Mean))));
        var between = Scatter(speakers.Select(s => Subtract(s.Mean, mean)));
        return new SpeakerModel(mean, Discriminants(within, between, dimensions));
    }

    /// <summary>Directions that part speakers most, scaled to unit spread within a speaker.</summary>
    private static double[][] Discriminants(double[,] within, double[,] between, int dimensions)
    {
        var n = within.GetLength(0);
        var trace = Enumerable.Range(0, n).Sum(i => within[i, i]);
        for (var i = 0; i < n; i++)
            within[i, i] += 1e-4 * trace / n;
        var (values, vectors) = SymmetricEigen.Solve(within);
        var whitening = vectors.Select((v, i) => Array.ConvertAll(v, x => x / Math.Sqrt(values[i]))).ToArray();
        var whitened = new double[n, n];
        for (var i = 0; i < n; i++)
            for (var j = 0; j < n; j++)
                for (var k = 0; k < n; k++)
                    for (var l = 0; l < n; l++)
                        whitened[i, j] += whitening[i][k] * between[k, l] * whitening[j][l];
        var (_, directions) = SymmetricEigen.Solve(whitened);
        return [.. directions.Take(dimensions).Select(d => Enumerable.Range(0, n).Select(k => d.Select((w, i) => w * whitening[i][k]).Sum()).ToArray())];
    }

    private static double[] Mean(IEnumerable<double[]> vectors)
    {
        var all = vectors.ToArray();
        return [.. Enumerable.Range(0, all[0].Length).Select(i => all.Average(x => x[i]))];
    }

    private static double[] Subtract(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x - y)];

    private static double[,] Scatter(IEnumerable<double[]> vectors)
    {
        double[,]? sum = null;
        var count = 0;
        foreach (var x in vectors)
        {
            sum ??= new double[x.Length, x.Length];
            count++;
            for (var i = 0; i < x.Length; i++)
                for (var j = 0; j < x.Length; j++)
                    sum[i, j] += x[i] * x[j];
        }
        for (var i = 0; i < sum!.GetLength(0); i++)
            for (var j = 0; j < sum.GetLength(0); j++)
                sum[i, j] /= count;
        return sum;
    }

    private static double Gaussian(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
