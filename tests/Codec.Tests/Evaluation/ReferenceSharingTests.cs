using Codec.Audio;
using Codec.Evaluation;
using Codec.Evaluation.Metrics;

namespace Codec.Tests.Evaluation;

/// <summary>What metrics keep of a reference for the next condition must not change a bit of its values.</summary>
public sealed class ReferenceSharingTests
{
    private static readonly IReadOnlyList<Metric> Metrics = MetricCatalog.Create(new MetricModels { SearchPath = "/nowhere" });

    [Fact]
    public void Values_do_not_depend_on_what_was_measured_before()
    {
        var voice = Voice(3 * 16000);
        var degraded = new[] { voice, Shift(voice, 6), Shift(voice, -40), Noisy(voice, 0.02f), Cut(voice, 2.5), Noisy(Shift(voice, 6), 0.05f), Longer(voice), Noisy(voice, 0.3f) };
        var reference = new ReferenceSignal(voice);
        var values = 0;
        foreach (var signal in degraded)
        {
            var shared = new SignalPair(reference, signal);
            foreach (var metric in Metrics)
            {
                var alone = Compute(metric, new SignalPair(voice, signal));
                for (var time = 0; time < 2; time++) // nobody wrote to what was kept
                {
                    var again = Compute(metric, shared);
                    Assert.Equal(alone.Values, again.Values);
                    Assert.Equal(alone.Problem, again.Problem);
                }
                values += alone.Values.Length;
            }
            Assert.Equal(new SignalPair(voice, signal).Alignment, shared.Alignment);
        }
        Assert.InRange(values, 14 * degraded.Length, 20 * degraded.Length);
    }

    [Fact]
    public void Distances_of_plain_samples_are_those_of_the_catalogue()
    {
        var (voice, noisy) = (Voice(2 * 16000), Noisy(Voice(2 * 16000), 0.02f));
        var (r, d) = (voice.Channel(0), noisy.Channel(0));
        var pair = new SignalPair(voice, noisy);
        Assert.Equal(0, pair.Alignment.ShiftSamples);
        Assert.Equal(Compute(Named("estoi"), pair).Values[0], Stoi.Extended(r, d, 16000));
        Assert.Equal(Compute(Named("stoi"), pair).Values[0], Stoi.Score(r, d, 16000));
        Assert.Equal(Compute(Named("mel_dac_default"), pair).Values[0], SpectralDistances.MelDacDefault(r, d, 16000));
        Assert.Equal(Compute(Named("lsd_db"), pair).Values[0], SpectralDistances.LogSpectral(r, d));
        Assert.Equal(Compute(Named("pesq_wb"), pair).Values[0], Codec.Evaluation.Pesq.PesqScore.WideBand(r, d, 16000));
    }

    private static Metric Named(string name) => Metrics.Single(m => m.Name == name);

    private static (double[] Values, string Problem) Compute(Metric metric, SignalPair pair)
    {
        try
        {
            return (metric.Compute(pair), "");
        }
        catch (MetricException e)
        {
            return ([], e.Message);
        }
    }

    /// <summary>Harmonics of a moving pitch in syllables, over a little noise.</summary>
    private static AudioBuffer Voice(int samples)
    {
        var random = new Random(1);
        var phase = 0.0;
        return new AudioBuffer([.. Enumerable.Range(0, samples).Select(i =>
        {
            phase += 2 * Math.PI * (120 + 30 * Math.Sin(i / 5000.0)) / 16000;
            var syllable = Math.Max(0, Math.Sin(2 * Math.PI * 2.5 * i / 16000));
            return (float)(0.1 * syllable * Enumerable.Range(1, 20).Sum(h => Math.Sin(h * phase) / h) + 0.001 * (random.NextDouble() - 0.5));
        })], 16000);
    }

    private static AudioBuffer Shift(AudioBuffer audio, int late)
        => new([.. Enumerable.Range(0, audio.Length).Select(i => i - late >= 0 && i - late < audio.Length ? audio.Channel(0)[i - late] : 0)], audio.SampleRate);

    private static AudioBuffer Cut(AudioBuffer audio, double seconds) => new(audio.Channel(0)[..(int)(seconds * audio.SampleRate)], audio.SampleRate);

    private static AudioBuffer Longer(AudioBuffer audio) => new([.. audio.Channel(0), .. new float[700]], audio.SampleRate);

    private static AudioBuffer Noisy(AudioBuffer audio, float level)
    {
        var random = new Random(2);
        return new([.. audio.Channel(0).Select(x => x + level * (float)(random.NextDouble() - 0.5))], audio.SampleRate);
    }
}
