using Codec.Audio;
using Codec.Evaluation;
using Codec.Evaluation.Speakers;

namespace Codec.Tests.Evaluation;

public sealed class SpeakerTests
{
    [Fact, Trait("Category", "Reference")]
    public void Unseen_speakers_are_told_apart()
    {
        var folder = SharedFolder.Require("speech", "dev");
        var speakers = Directory.GetFiles(folder, "librispeech-*.flac").Order(StringComparer.Ordinal)
            .GroupBy(f => Path.GetFileName(f).Split('-')[1]).Where(g => g.Count() >= 2).Take(8)
            .Select(g => g.Take(2).Select(f => SpeakerModel.Default.Embed(AudioFile.Read(f)[0])).ToArray()).ToArray();
        Assert.True(speakers.Length >= 2);
        var same = speakers.Average(s => Cosine(s[0], s[1]));
        var others = Pairs(speakers.Length).Average(p => Cosine(speakers[p.A][0], speakers[p.B][1]));
        Assert.True(same > others + 0.3, $"same {same:F3}, others {others:F3}");
    }

    [Fact]
    public void A_signal_sounds_like_itself_and_a_short_one_is_refused()
    {
        var random = new Random(1);
        var signal = Enumerable.Range(0, 32000).Select(i => (float)(0.2 * Math.Sin(i * 0.05) * Math.Sin(i * 0.003) + 0.02 * random.NextDouble())).ToArray();
        Assert.Equal(1, SpeakerModel.Default.Similarity(signal, signal), 9);
        Assert.Throws<MetricException>(() => SpeakerModel.Default.Embed(signal.AsSpan(0, 8000)));
        Assert.Throws<MetricException>(() => SpeakerModel.Default.Embed(new float[32000]));
    }

    [Fact]
    public void Training_parts_speakers_that_differ()
    {
        var clips = Enumerable.Range(0, 24).Select(i => ($"s{i % 4}", Voice(i % 4, i))).ToArray();
        var model = SpeakerModel.Train(clips, dimensions: 3);
        Assert.True(model.Similarity(Voice(0, 100), Voice(0, 101)) > model.Similarity(Voice(0, 100), Voice(2, 101)) + 0.3);
    }

    private static double Cosine(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();

    private static IEnumerable<(int A, int B)> Pairs(int count)
        => from a in Enumerable.Range(0, count) from b in Enumerable.Range(0, count) where a != b select (a, b);

    /// <summary>A buzz with one resonance: pitch and resonance belong to the speaker, the rest to chance.</summary>
    private static float[] Voice(int speaker, int seed)
    {
        var random = new Random(seed);
        var (pitch, resonance) = (100 + 35 * speaker + 6 * random.NextDouble(), 600 + 500 * speaker + 60 * random.NextDouble());
        var result = new float[16000];
        double phase = 0, a = 0, b = 0;
        var (radius, angle) = (0.97, 2 * Math.PI * resonance / 16000);
        for (var i = 0; i < result.Length; i++)
        {
            phase += pitch * (1 + 0.05 * Math.Sin(i * 0.002 + seed)) / 16000;
            var x = (phase % 1 < pitch / 16000 ? 1 : 0) + 0.01 * (random.NextDouble() - 0.5);
            var y = x + 2 * radius * Math.Cos(angle) * a - radius * radius * b;
            (a, b) = (y, a);
            result[i] = (float)(0.1 * y);
        }
        return result;
    }
}
