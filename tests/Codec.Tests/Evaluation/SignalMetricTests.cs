using Codec.Evaluation;
using Codec.Evaluation.Metrics;

namespace Codec.Tests.Evaluation;

public sealed class SignalMetricTests
{
    private static readonly float[] Tone = Signal(16000, i => MathF.Sin(i * 0.05f) * 0.3f * MathF.Sin(i * 0.0007f));
    private static readonly float[] Noisy = Signal(16000, i => Tone[i] + 0.02f * MathF.Sin(i * i * 0.37f));

    [Fact, Trait("Category", "Reference")]
    public void SiSdr_matches() => MetricPairs.Compare("si_sdr_db", 1e-6, (r, d) => WaveformMetrics.SiSdr(r[0], d[0]), ceiling: 100);

    [Fact, Trait("Category", "Reference")]
    public void Log_spectral_distance_matches() => MetricPairs.Compare("lsd_db", 1e-6, (r, d) => SpectralDistances.LogSpectral(r[0], d[0]));

    [Fact, Trait("Category", "Reference")]
    public void Mel_distance_of_dac_defaults_matches()
        => MetricPairs.Compare("mel_dac_default", 1e-5, (r, d) => SpectralDistances.MelDacDefault(r[0], d[0], r.SampleRate));

    [Fact, Trait("Category", "Reference")]
    public void Mel_distance_of_dac_training_matches()
        => MetricPairs.Compare("mel_dac_base", 1e-5, (r, d) => SpectralDistances.MelDacBase(r[0], d[0], r.SampleRate));

    [Fact, Trait("Category", "Reference")]
    public void Stft_distance_matches() => MetricPairs.Compare("ms_stft_dac", 1e-6, (r, d) => SpectralDistances.MultiScaleStft(r[0], d[0]));

    [Fact, Trait("Category", "Reference")]
    public void Stoi_matches() => MetricPairs.Compare("stoi", 1e-6, (r, d) => Stoi.Score(r[0], d[0], r.SampleRate));

    [Fact, Trait("Category", "Reference")]
    public void Estoi_matches() => MetricPairs.Compare("estoi", 1e-6, (r, d) => Stoi.Extended(r[0], d[0], r.SampleRate));

    [Fact]
    public void Identical_signals_score_best()
    {
        Assert.Equal(100, WaveformMetrics.SiSdr(Tone, Tone), 9);
        Assert.Equal(100, WaveformMetrics.Snr(Tone, Tone), 9);
        Assert.Equal(0, SpectralDistances.LogSpectral(Tone, Tone), 9);
        Assert.Equal(0, SpectralDistances.MelDacDefault(Tone, Tone, 16000), 9);
        Assert.Equal(0, SpectralDistances.MelDacBase(Tone, Tone, 16000), 9);
        Assert.Equal(0, SpectralDistances.MultiScaleStft(Tone, Tone), 9);
        Assert.Equal(1, Stoi.Score(Noisy, Noisy, 16000), 6);
        Assert.Equal(1, Stoi.Extended(Noisy, Noisy, 16000), 6);
    }

    [Fact]
    public void SiSdr_ignores_gain_and_snr_does_not()
    {
        var louder = Signal(Noisy.Length, i => Noisy[i] * 2);
        Assert.Equal(WaveformMetrics.SiSdr(Tone, Noisy), WaveformMetrics.SiSdr(Tone, louder), 4);
        Assert.True(WaveformMetrics.Snr(Tone, louder) < WaveformMetrics.Snr(Tone, Noisy) - 3);
    }

    [Fact]
    public void Too_short_signals_are_refused()
    {
        Assert.Throws<MetricException>(() => WaveformMetrics.SiSdr([], []));
        Assert.Throws<MetricException>(() => SpectralDistances.LogSpectral(new float[1024], new float[1024]));
        Assert.Throws<MetricException>(() => Stoi.Score(new float[200], new float[200], 16000));
        Assert.Throws<MetricException>(() => Stoi.Extended(Signal(4000, i => MathF.Sin(i)), Signal(4000, i => MathF.Sin(i)), 16000));
    }

    private static float[] Signal(int length, Func<int, float> value) => [.. Enumerable.Range(0, length).Select(value)];
}
