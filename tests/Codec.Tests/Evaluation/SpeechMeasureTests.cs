using Codec.Evaluation;
using Codec.Evaluation.Metrics;

namespace Codec.Tests.Evaluation;

public sealed class SpeechMeasureTests
{
    [Theory]
    [InlineData(48000, 997, 1.0, -3.01)]   // BS.1770: a 0 dBFS sine of 997 Hz in one channel reads -3.01 LUFS
    [InlineData(44100, 997, 0.1, -23.01)]
    [InlineData(16000, 997, 0.1, -23.01)]
    public void Loudness_of_a_sine_is_as_the_standard_says(int rate, double hertz, double amplitude, double expected)
        => Assert.Equal(expected, Loudness.Integrated(Tone(rate, hertz, amplitude, 3), rate), 0.05);

    [Fact]
    public void Loudness_gates_silence_out()
    {
        float[] tone = Tone(16000, 997, 0.1, 3), padded = [.. tone, .. new float[48000]];
        Assert.Equal(Loudness.Integrated(tone, 16000), Loudness.Integrated(padded, 16000), 0.35);
        Assert.Throws<MetricException>(() => Loudness.Integrated(new float[16000], 16000));
        Assert.Throws<MetricException>(() => Loudness.Integrated(new float[1000], 16000));
    }

    [Theory]
    [InlineData(90)]
    [InlineData(155.3)]
    [InlineData(310)]
    public void Pitch_of_a_buzz_is_found(double hertz)
    {
        var pitch = PitchTracker.Track(Buzz(16000, _ => hertz, 1), 16000);
        Assert.All(pitch[2..^2], f => Assert.Equal(hertz, f, hertz * 0.005));
    }

    [Fact]
    public void Pitch_of_noise_is_mostly_unvoiced()
    {
        var random = new Random(3);
        var noise = Enumerable.Range(0, 16000).Select(_ => (float)random.NextDouble() - 0.5f).ToArray();
        Assert.True(PitchTracker.Track(noise, 16000).Count(f => f > 0) < 5);
    }

    [Fact]
    public void Transposed_speech_correlates_but_has_the_interval_as_error()
    {
        var low = Buzz(16000, t => 120 + 30 * Math.Sin(4 * t), 2);
        var high = Buzz(16000, t => 1.122462 * (120 + 30 * Math.Sin(4 * t)), 2); // two semitones
        var result = PitchMetrics.Compare(low, high, 16000);
        Assert.Equal(1, result[0], 0.01);
        Assert.Equal(200, result[1], 5.0);
        Assert.Equal(0, result[2], 0.03);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(777, 0.5)]
    [InlineData(-300, 2)]
    public void Shift_and_gain_are_found(int shift, double gain)
    {
        var random = new Random(5);
        var signal = Enumerable.Range(0, 20000).Select(_ => (float)random.NextDouble() - 0.5f).ToArray();
        var moved = Enumerable.Range(0, 20000).Select(i => i - shift is >= 0 and < 20000 and var j ? (float)(gain * signal[j]) : 0).ToArray();
        var found = Alignment.Find(new AnalysedSignal(signal, 16000), new AnalysedSignal(moved, 16000), 2000);
        Assert.Equal(shift, found.ShiftSamples);
        Assert.Equal(20 * Math.Log10(gain), found.GainDecibels, 0.1);
    }

    private static float[] Tone(int rate, double hertz, double amplitude, double seconds)
        => [.. Enumerable.Range(0, (int)(rate * seconds)).Select(i => (float)(amplitude * Math.Sin(2 * Math.PI * hertz * i / rate)))];

    private static float[] Buzz(int rate, Func<double, double> hertz, double seconds)
    {
        double phase = 0;
        return [.. Enumerable.Range(0, (int)(rate * seconds)).Select(i =>
        {
            phase += 2 * Math.PI * hertz((double)i / rate) / rate;
            return (float)(0.3 * Math.Sin(phase) + 0.2 * Math.Sin(2 * phase) + 0.1 * Math.Sin(3 * phase));
        })];
    }
}
