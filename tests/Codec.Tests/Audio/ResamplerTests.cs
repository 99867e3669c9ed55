using Codec.Audio;

namespace Codec.Tests.Audio;

public class ResamplerTests
{
    [Theory] // the last two interpolate between phases
    [InlineData(44100, 16000)]
    [InlineData(48000, 16000)]
    [InlineData(16000, 48000)]
    [InlineData(16000, 24000)]
    [InlineData(22050, 16000)]
    [InlineData(44101, 48000)]
    [InlineData(47999, 16000)]
    public void Tones_keep_level_and_place_and_nothing_else_appears(int from, int to)
    {
        var passband = 0.9 * Math.Min(from, to) / 2;
        foreach (var hertz in new[] { 50, 997, passband / 2, passband })
            Assert.InRange(Error(Resampler.Resample(Tone(hertz, from, from), from, to), Tone(hertz, to, to)), -300, -95);
    }

    [Theory]
    [InlineData(44100, 16000, 8000)]
    [InlineData(48000, 16000, 8001)]
    [InlineData(48000, 16000, 20000)]
    [InlineData(47999, 16000, 12000)]
    public void Tones_above_the_new_band_vanish(int from, int to, double hertz)
    {
        var output = Resampler.Resample(Tone(hertz, from, from), from, to);
        Assert.InRange(Decibels(output.AsSpan(to / 4, to / 2)), -300, -95);
    }

    [Theory]
    [InlineData(44100, 16000)]
    [InlineData(16000, 44100)]
    [InlineData(44101, 48000)]
    [InlineData(8000, 8000)]
    [InlineData(1, 3)]
    [InlineData(7, 2)]
    public void Every_chunking_gives_the_same_bits(int from, int to)
    {
        var random = new Random(3);
        var input = Enumerable.Range(0, 5003).Select(_ => random.NextSingle() - 0.5f).ToArray();
        var whole = Resampler.Resample(input, from, to);
        Assert.Equal(Resampler.OutputLength(input.Length, from, to), whole.Length);
        var resampler = new Resampler(from, to);
        for (var round = 0; round < 3; round++) // the same instance starts anew after each Flush
        {
            var pieces = new List<float>();
            for (var start = 0; start < input.Length;)
            {
                var count = Math.Min(round switch { 0 => 1, 1 => random.Next(0, 700), _ => 4096 }, input.Length - start);
                pieces.AddRange(resampler.Push(input.AsSpan(start, count)));
                start += count;
            }
            pieces.AddRange(resampler.Flush());
            Assert.Equal(whole, pieces);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(999)]
    [InlineData(100000)]
    public void A_resampling_reader_gives_every_channel_whole(int block)
    {
        var random = new Random(4);
        var interleaved = Enumerable.Range(0, 3 * 50001).Select(_ => random.NextSingle() - 0.5f).ToArray();
        var bytes = WavTests.Bytes(interleaved, 44100, 3, SampleEncoding.Float32, null);
        using var reader = new ResamplingReader(AudioFile.OpenRead(new MemoryStream(bytes)), 16000);
        var pieces = new List<float>();
        var buffer = new float[3 * block + 2];
        for (int count; (count = reader.Read(buffer)) > 0;)
            pieces.AddRange(buffer.AsSpan(0, count));
        Assert.Equal(reader.Length * 3, pieces.Count);
        for (var c = 0; c < 3; c++)
            Assert.Equal(Resampler.Resample(interleaved.Where((_, i) => i % 3 == c).ToArray(), 44100, 16000), pieces.Where((_, i) => i % 3 == c));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 1)]
    [InlineData(44100, 16000)]
    [InlineData(44101, 16001)]
    public void Lengths_round_up(int samples, int expected)
        => Assert.Equal(expected, Resampler.Resample(new float[samples], 44100, 16000).Length);

    [Fact]
    public void There_and_back_covers_every_sample()
    {
        foreach (var (from, to) in new[] { (44100, 16000), (16000, 24000), (44101, 16000), (8000, 16000) })
            for (var samples = 0; samples < 1000; samples++)
                Assert.InRange(Resampler.OutputLength(Resampler.OutputLength(samples, from, to), to, from), samples, long.MaxValue);
    }

    [Fact]
    public void A_constant_stays_constant_inside()
        => Assert.All(Resampler.Resample(Enumerable.Repeat(0.5f, 4000).ToArray(), 44100, 16000)[200..^200], x => Assert.Equal(0.5f, x, 1e-6f));

    private static float[] Tone(double hertz, int rate, int samples)
        => [.. Enumerable.Range(0, samples).Select(n => (float)(0.5 * Math.Sin(2 * Math.PI * hertz * n / rate)))];

    // dB of the difference against the expected tone, away from the ends.
    private static double Error(float[] found, float[] expected)
    {
        var margin = expected.Length / 4;
        var difference = found.Zip(expected, (f, e) => f - e).Skip(margin).SkipLast(margin).ToArray();
        return Decibels(difference);
    }

    private static double Decibels(ReadOnlySpan<float> samples)
    {
        double sum = 1e-30;
        foreach (var x in samples)
            sum += (double)x * x;
        return 10 * Math.Log10(sum / samples.Length / 0.125);
    }
}
