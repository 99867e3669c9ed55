using Codec.Audio.Dsp;

namespace Codec.Tests.Audio;

public class LevelTests
{
    private static readonly float[] Sine = [.. Enumerable.Range(0, 16000).Select(n => (float)(0.25 * Math.Sin(2 * Math.PI * 100 * n / 16000)))];

    [Fact]
    public void A_sine_has_its_peak_and_root_of_half()
    {
        Assert.Equal(0.25, Level.Peak(Sine), 1e-6);
        Assert.Equal(0.25 / Math.Sqrt(2), Level.Rms(Sine), 1e-6);
    }

    [Theory]
    [InlineData(-23, 1, -23)]
    [InlineData(-1, 1, -3.0103)]      // the peak limits
    [InlineData(-20, 0.1, -23.0103)]
    public void Gain_reaches_the_level_or_the_peak(double wanted, double maxPeak, double expected)
    {
        var samples = Sine.ToArray();
        Level.Scale(samples, Level.GainTo(samples, wanted, maxPeak));
        Assert.Equal(expected, Level.Decibels(Level.Rms(samples)), 1e-3);
    }

    [Fact]
    public void Silence_stays()
        => Assert.Equal((0, 0f, 1.0), (Level.Rms([]), Level.Peak([]), Level.GainTo(new float[10], -20)));
}
