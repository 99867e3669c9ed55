using System.Text.Json;
using Codec.Audio;
using Codec.Evaluation;
using Codec.Evaluation.Visqol;

namespace Codec.Tests.Evaluation;

public sealed class VisqolTests
{
    [Fact, Trait("Category", "Reference")]
    public void Speech_mode_matches()
        => MetricPairs.Compare("visqol_speech_exponential", 0.03, (r, d) => VisqolScore.Measure(r[0], d[0], r.SampleRate, VisqolMode.Speech).ExponentialMos);

    [Theory, Trait("Category", "Reference")]
    [InlineData("audio")]
    [InlineData("speech exponential")] // at 48 kHz, as the tool takes its own recordings
    [InlineData("speech exponential, unscaled")]
    public void The_published_values_are_met(string mode)
    {
        var folder = Path.GetDirectoryName(SharedFolder.Require("metrics", "visqol_conformance.json"))!;
        var model = SupportVectorRegression.Load(SharedFolder.Require("metrics", "models", "visqol", "libsvm_nu_svr_model.txt"));
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "visqol_conformance.json")));
        var pairs = document.RootElement.GetProperty("pairs").EnumerateArray()
            .Where(p => p.GetProperty("included").GetBoolean() && p.GetProperty("mode").GetString() == mode).ToArray();
        Assert.NotEmpty(pairs);
        foreach (var pair in pairs)
        {
            AudioBuffer Read(string key) => AudioFile.Read(Path.Combine(folder, "pairs48", Path.ChangeExtension(pair.GetProperty(key).GetString(), ".flac")!)).ToMono();
            var (r, d) = (Read("ref"), Read("deg"));
            var result = VisqolScore.Measure(r[0], d[0], r.SampleRate, mode == "audio" ? VisqolMode.Audio : VisqolMode.Speech);
            var mos = mode == "audio" ? result.RegressionMos(model) : mode.Contains("unscaled") ? result.UnscaledExponentialMos : result.ExponentialMos;
            Assert.Equal(pair.GetProperty("expected_mos_lqo").GetDouble(), mos, 0.01);
        }
    }

    [Fact]
    public void Identity_is_perfect_and_less_similar_sounds_score_lower()
    {
        var signal = Noise(32000, 1);
        var same = VisqolScore.Measure(signal, signal, 16000, VisqolMode.Speech);
        Assert.Equal(1, same.Similarity, 6);
        Assert.Equal(5, same.ExponentialMos, 3);
        Assert.Equal(4.016, same.UnscaledExponentialMos, 0.001);
        Assert.True(VisqolScore.Measure(signal, Noise(32000, 2), 16000, VisqolMode.Speech).Similarity < 0.9);
    }

    [Fact]
    public void What_it_cannot_score_is_refused()
    {
        Assert.Throws<MetricException>(() => VisqolScore.Measure(Noise(4000, 1), Noise(4000, 1), 16000, VisqolMode.Speech));
        Assert.Throws<MetricException>(() => VisqolScore.Measure(Noise(32000, 1), new float[32000], 16000, VisqolMode.Speech));
    }

    private static float[] Noise(int length, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, length).Select(i => (float)((random.NextDouble() - 0.5) * (1 + Math.Sin(i * 0.001))))];
    }
}
