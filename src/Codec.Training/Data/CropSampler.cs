using Codec.Audio;

namespace Codec.Training.Data;

/// <summary>How crops are varied.</summary>
public sealed record AugmentationConfig
{
    /// <summary>Random gain, dB.</summary>
    public double MinGainDb { get; init; } = -12;

    /// <inheritdoc cref="MinGainDb"/>
    public double MaxGainDb { get; init; } = 6;

    /// <summary>Largest relative change of speed and pitch together; 0 = none.</summary>
    public double Speed { get; init; }

    /// <summary>Share of crops with added noise.</summary>
    public double NoiseShare { get; init; }

    /// <summary>Lowest signal-to-noise ratio of added noise, dB; the highest is 30 dB above.</summary>
    public double MinSnrDb { get; init; } = 15;

    public AugmentationConfig Validate()
    {
        Require.That(MinGainDb <= MaxGainDb, nameof(MinGainDb), $"<= {nameof(MaxGainDb)} ({MaxGainDb})", MinGainDb);
        Require.InRange(Speed, 0, 0.5);
        Require.InRange(NoiseShare, 0, 1);
        return this;
    }
}

/// <summary>
/// Random crops for training. What step n gets depends on the seed and n alone, so a resumed run sees what an uninterrupted one would.
/// </summary>
public sealed class CropSampler
{
    private readonly AudioCorpus _corpus;
    private readonly AugmentationConfig _augmentation;
    private readonly int _seed;
    private readonly double[] _cumulative;

    /// <param name="corpus">Where crops come from.</param>
    /// <param name="augmentation">How they are varied.</param>
    /// <param name="sourceWeights">Weight per second of audio of a source; 1 where none is given.</param>
    /// <param name="seed">Fixes every choice.</param>
    public CropSampler(AudioCorpus corpus, AugmentationConfig augmentation, IReadOnlyDictionary<string, double> sourceWeights, int seed)
    {
        _corpus = corpus;
        _augmentation = augmentation.Validate();
        _seed = seed;
        _cumulative = new double[corpus.Utterances.Count];
        double sum = 0;
        for (var i = 0; i < _cumulative.Length; i++)
        {
            var utterance = corpus.Utterances[i];
            sum += utterance.Length * sourceWeights.GetValueOrDefault(utterance.Source, 1);
            _cumulative[i] = sum;
        }
        if (sum <= 0)
            throw new ConfigException("source_weights: expected a positive weight, found none");
    }

    /// <summary>Crops of one step, row by row: [count, length], nominally in [-1, 1].</summary>
    public float[] Batch(long step, int count, int length)
    {
        var random = Seeds.Random(_seed, step, "crops");
        var batch = new float[count * length];
        for (var i = 0; i < count; i++)
            Crop(random, batch.AsSpan(i * length, length));
        return batch;
    }

    private void Crop(Random random, Span<float> into)
    {
        var place = Array.BinarySearch(_cumulative, random.NextDouble() * _cumulative[^1]);
        var utterance = _corpus.Utterances[Math.Min(place < 0 ? ~place : place, _cumulative.Length - 1)];
        var speed = 1 + _augmentation.Speed * (2 * random.NextDouble() - 1);
        var needed = _augmentation.Speed > 0 ? (int)Math.Ceiling(into.Length * speed) + 4 : into.Length;
        // Short utterances sit somewhere in silence; long ones are cut anywhere, the edges included.
        var slack = utterance.Length - needed;
        var start = slack >= 0 ? random.Next(slack + 1) : -random.Next(-slack + 1);
        if (_augmentation.Speed > 0)
        {
            var source = new float[needed];
            _corpus.Read(utterance, start, source);
            Interpolate(source, speed, into);
        }
        else
        {
            _corpus.Read(utterance, start, into);
        }
        Vary(random, into);
    }

    /// <summary>Catmull-Rom interpolation at positions 1, 1 + speed, 1 + 2 speed, ...</summary>
    private static void Interpolate(ReadOnlySpan<float> source, double speed, Span<float> into)
    {
        for (var i = 0; i < into.Length; i++)
        {
            var position = 1 + i * speed;
            var j = (int)position;
            var f = (float)(position - j);
            var (a, b, c, d) = (source[j - 1], source[j], source[j + 1], source[j + 2]);
            into[i] = b + 0.5f * f * (c - a + f * (2 * a - 5 * b + 4 * c - d + f * (3 * (b - c) + d - a)));
        }
    }

    private void Vary(Random random, Span<float> samples)
    {
        var gain = Math.Pow(10, (_augmentation.MinGainDb + (_augmentation.MaxGainDb - _augmentation.MinGainDb) * random.NextDouble()) / 20);
        var noisy = random.NextDouble() < _augmentation.NoiseShare;
        var snr = _augmentation.MinSnrDb + 30 * random.NextDouble();
        if (random.Next(2) == 0)
            gain = -gain;
        float peak = 0;
        double energy = 0;
        foreach (var x in samples)
        {
            peak = Math.Max(peak, Math.Abs(x));
            energy += x * x;
        }
        // A boosted crop must not clip: clipping is not what the codec should learn.
        if (peak * Math.Abs(gain) > 0.99)
            gain = Math.Sign(gain) * 0.99 / peak;
        var deviation = noisy ? Math.Sqrt(energy / samples.Length) * Math.Pow(10, -snr / 20) : 0;
        var colour = random.NextDouble() * 0.95;
        double previous = 0;
        for (var i = 0; i < samples.Length; i++)
        {
            if (deviation > 0)
            {
                // First-order coloured noise of the wanted deviation.
                previous = colour * previous + Math.Sqrt(1 - colour * colour) * Seeds.Gaussian(random);
                samples[i] += (float)(deviation * previous);
            }
            samples[i] *= (float)gain;
        }
    }
}
