using Codec.Evaluation;
using Codec.Evaluation.Pesq;

namespace Codec.Tests.Evaluation;

public sealed class PesqTests
{
    [Fact, Trait("Category", "Reference")]
    public void Wide_band_matches() => MetricPairs.Compare("pesq_wb", 0.002, (r, d) => PesqScore.WideBand(r[0], d[0], r.SampleRate));

    [Fact, Trait("Category", "Reference")]
    public void Narrow_band_matches() => MetricPairs.Compare("pesq_nb", 0.002, (r, d) => PesqScore.NarrowBand(r[0], d[0], r.SampleRate));

    [Theory]
    [InlineData(16000, 1)]
    [InlineData(16000, 0.1f)]
    [InlineData(8000, 1)]
    public void Identical_signals_score_best_at_any_level(int sampleRate, float gain)
    {
        var signal = Bursts(2 * sampleRate, sampleRate);
        var other = Array.ConvertAll(signal, x => x * gain);
        Assert.Equal(4.549, PesqScore.NarrowBand(signal, other, sampleRate), 0.001);
        if (sampleRate == 16000)
            Assert.Equal(4.644, PesqScore.WideBand(signal, other, sampleRate), 0.001);
    }

    [Fact]
    public void Noise_lowers_the_score_and_delay_does_not()
    {
        var signal = Bursts(48000, 16000);
        var random = new Random(1);
        var noisy = Array.ConvertAll(signal, x => x + 0.05f * (random.NextSingle() - 0.5f));
        float[] late = [.. new float[800], .. signal];
        Assert.True(PesqScore.WideBand(signal, noisy, 16000) < 3.5);
        Assert.True(PesqScore.WideBand(signal, late, 16000) > 4.5);
    }

    [Fact]
    public void What_it_cannot_score_is_refused()
    {
        var signal = Bursts(16000, 16000);
        Assert.Throws<MetricException>(() => PesqScore.WideBand(signal.AsSpan(0, 3999), signal, 16000));
        Assert.Throws<MetricException>(() => PesqScore.WideBand(signal, new float[16000], 16000));
        Assert.Throws<MetricException>(() => PesqScore.WideBand(signal, signal, 8000));
        Assert.Throws<MetricException>(() => PesqScore.NarrowBand(signal, signal, 44100));
    }

    /// <summary>A buzz of harmonics with some breath, on and off with a changing pitch: speech enough for an activity detector.</summary>
    private static float[] Bursts(int length, int sampleRate)
    {
        var result = new float[length];
        var random = new Random(7);
        double phase = 0;
        for (var i = 0; i < length; i++)
        {
            var t = (double)i / sampleRate;
            phase += 2 * Math.PI * (140 + 30 * Math.Sin(5 * t)) / sampleRate;
            var envelope = Math.Max(0, Math.Sin(2 * Math.PI * 1.7 * t));
            for (var h = 1; h <= 20; h++)
                result[i] += (float)(0.1 * envelope * Math.Sin(h * phase) / h);
            result[i] += (float)(0.1 * envelope * (random.NextDouble() - 0.5));
        }
        return result;
    }
}
