using Codec.Audio;

namespace Codec.Tests.Audio;

public sealed class ProbedReaderTests
{
    private static readonly float[] Samples = [.. Enumerable.Range(0, 2 * 900).Select(i => (float)Math.Sin(i))];

    [Theory]
    [InlineData(0.5)]
    [InlineData(9)] // longer than the audio
    public void What_was_looked_at_is_read_again(double seconds)
    {
        var audio = new AudioBuffer([[.. Samples.Where((_, i) => i % 2 == 0)], [.. Samples.Where((_, i) => i % 2 == 1)]], 1000);
        using var folder = new TemporaryFolder();
        var path = folder.Combine("a.wav");
        AudioFile.Write(path, audio, new AudioFormat(AudioContainer.Wav, SampleEncoding.Float32));
        using var file = AudioFile.OpenRead(path);
        using var probed = new ProbedReader(file, seconds);
        using var beginning = probed.Beginning();
        var length = (int)Math.Min(900, seconds * 1000);
        Assert.Equal(length, beginning.Length);
        Assert.Equal(Samples[..(2 * length)], ReadAll(beginning));
        Assert.Equal(Samples, ReadAll(probed));
        using var again = probed.Beginning();
        Assert.Equal(Samples[..(2 * length)], ReadAll(again));
        Assert.Equal(length == 900, probed.Whole);
    }

    [Fact]
    public void The_beginning_is_skipped()
    {
        using var folder = new TemporaryFolder();
        var path = folder.Combine("a.wav");
        AudioFile.Write(path, new AudioBuffer([Samples], 1000), new AudioFormat(AudioContainer.Wav, SampleEncoding.Float32));
        using var file = AudioFile.OpenRead(path);
        using var probed = new ProbedReader(file, 0.5);
        probed.SkipBeginning();
        Assert.Equal(Samples[500..], ReadAll(probed));
    }

    private static List<float> ReadAll(AudioReader audio)
    {
        var (all, block) = (new List<float>(), new float[7]);
        for (int count; (count = audio.Read(block)) > 0;)
            all.AddRange(block[..count]);
        return all;
    }
}
