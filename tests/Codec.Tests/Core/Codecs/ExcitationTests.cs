using Codec.Audio;
using Codec.Core.Codecs.Native;

namespace Codec.Tests.Core.Codecs;

public sealed class ExcitationTests
{
    private static readonly NativeConfig Config = new() { Excitation = new ExcitationConfig { VoicedHertz = 4000 } };
    private static readonly ExcitationConfig Pitch = Config.Excitation!;

    [Theory]
    [InlineData(80)]
    [InlineData(123.4)]
    [InlineData(333)]
    public void Harmonics_turn_at_multiples_of_the_pitch(double hertz)
    {
        var excitation = new Excitation(Config, Pitch);
        var phases = Run(excitation, Enumerable.Repeat(hertz, 700));
        foreach (var harmonic in new[] { 1, 2, 5, 9 })
        {
            var bin = (int)Math.Round(harmonic * hertz * Config.WindowLength / Config.SampleRate);
            // From one spectrum to the next, by the grid of frequencies exact to 0.3 percent; near a new count, up to 0.8 Hz beside it.
            for (var i = 1; i < phases.Length; i++)
            {
                var expected = 2 * Math.PI * harmonic * hertz * Config.StftHop / Config.SampleRate;
                var bend = i % Pitch.PeriodSpectra <= Excitation.Ramp ? 2 * Math.PI * harmonic * 0.5 / Excitation.Ramp : 0;
                Assert.InRange(Math.Abs(Math.IEEERemainder(phases[i][bin] - phases[i - 1][bin] - expected, 2 * Math.PI)), 0, 0.003 * expected + bend + 1e-4);
            }
        }
    }

    [Fact]
    public void Voiced_spectra_add_up_to_a_tone_and_unvoiced_ones_to_noise()
    {
        const double hertz = 160; // 6.4 bins between harmonics
        var excitation = new Excitation(Config, Pitch);
        Assert.InRange(PowerKept(Run(excitation, Enumerable.Repeat(hertz, 60)), Harmonics(hertz)), 0.9, 1.01);
        // What has nothing to do with each other keeps a quarter, or a half where the pieces are short as the windows are.
        Assert.InRange(PowerKept(Run(excitation, Enumerable.Repeat(0.0, 60)), Enumerable.Range(1, 300).Select(bin => (bin, 1.0))), 0.7, 1.01);
    }

    [Fact]
    public void Above_the_voiced_frequency_and_without_a_voice_phases_are_noise()
    {
        var excitation = new Excitation(Config, Pitch);
        var (voiced, unvoiced) = (Run(excitation, Enumerable.Repeat(150.0, 3)), Run(excitation, Enumerable.Repeat(0.0, 3)));
        for (var i = 0; i < voiced.Length; i++)
        {
            Assert.Equal(unvoiced[i][excitation.Bins..], voiced[i][excitation.Bins..]);
            Assert.NotEqual(unvoiced[i][..excitation.Bins], voiced[i][..excitation.Bins]);
            Assert.InRange(unvoiced[i].Average(phase => Math.Cos(phase)), -0.15, 0.15);
        }
        Assert.Equal(160, excitation.Bins);
    }

    [Fact]
    public void Chunks_and_late_starts_give_the_same_phases()
    {
        var excitation = new Excitation(Config, Pitch);
        var random = new Random(3);
        var track = Enumerable.Range(0, 3 * Pitch.PeriodSpectra).Select(i => random.Next(9) == 0 ? 0 : 90 + 200 * random.NextDouble()).ToArray();
        var whole = Run(excitation, track);
        var late = Run(excitation, track.Skip(Pitch.PeriodSpectra));
        for (var i = Pitch.PeriodSpectra + Excitation.Ramp; i < late.Length; i++)
            Assert.Equal(whole[i + Pitch.PeriodSpectra], late[i]);
        var early = Pitch.PeriodSpectra + Excitation.Ramp / 2; // the count before is still heard
        Assert.NotEqual(whole[early], late[early - Pitch.PeriodSpectra]);
    }

    [Theory]
    [InlineData(10, 420, 96, 4000, 512)]
    [InlineData(60, 50, 96, 4000, 512)]
    [InlineData(60, 420, 1, 4000, 512)]
    [InlineData(60, 420, 96, 9000, 512)]
    [InlineData(60, 420, 96, 4000, 513)]
    [InlineData(60, 420, 96, 4000, 64)]
    public void Senseless_configs_are_refused(double lowest, double highest, int classes, double voiced, int period)
    {
        var excitation = new ExcitationConfig { LowestHertz = lowest, HighestHertz = highest, Classes = classes, VoicedHertz = voiced, PeriodSpectra = period };
        Assert.Throws<ConfigException>(() => (Config with { Excitation = excitation }).Validate());
    }

    [Fact]
    public void A_config_without_it_reads_and_writes_as_before()
    {
        Assert.DoesNotContain("excitation", new NativeConfig().ToJson(), StringComparison.Ordinal);
        Assert.Equal(Config.Excitation, NativeConfig.FromJson(Config.ToJson()).Excitation);
    }

    /// <summary>The excitation's phases where the pitch is told without doubt; 0 Hz is unvoiced.</summary>
    private static float[][] Run(Excitation excitation, IEnumerable<double> track)
    {
        var memory = new float[Excitation.Memory];
        return [.. track.Select(hertz =>
        {
            var (scores, phases, place) = (new float[excitation.Outputs], new float[Config.Bins], Pitch.PlaceOf(hertz));
            for (var i = 0; i < Pitch.Classes; i++)
                scores[i] = hertz == 0 ? 0 : (float)(10 - 2 * (i - place) * (i - place));
            scores[^1] = hertz == 0 ? 10 : 0;
            excitation.Add(scores, memory, phases);
            return phases;
        })];
    }

    /// <summary>Power of overlap-added windows, as a share of what they have when all are in step.</summary>
    private static double PowerKept(float[][] phases, IEnumerable<(int Bin, double Magnitude)> spectrum)
    {
        var (length, hop) = (Config.WindowLength, Config.StftHop);
        var window = Enumerable.Range(0, length).Select(n => 0.5 - 0.5 * Math.Cos(2 * Math.PI * n / length)).ToArray();
        var sum = new double[length + hop * phases.Length];
        double alone = 0;
        for (var i = 0; i < phases.Length; i++)
        {
            var piece = new double[length];
            foreach (var (bin, magnitude) in spectrum)
                for (var n = 0; n < length; n++)
                    piece[n] += magnitude * Math.Cos(2 * Math.PI * (bin * n % length) / length + phases[i][bin]);
            for (var n = 0; n < length; n++)
            {
                sum[i * hop + n] += piece[n] * window[n] / (0.375 * length / hop);
                if (i is > 10 and < 50)
                    alone += piece[n] * piece[n] / (0.375 * length / hop);
            }
        }
        return sum.Skip(11 * hop + length / 2).Take(39 * hop).Sum(x => x * x) / alone;
    }

    /// <summary>The main lobe of the window around every harmonic of a pitch.</summary>
    private static IEnumerable<(int Bin, double Magnitude)> Harmonics(double hertz)
    {
        for (var harmonic = 1; harmonic < 20; harmonic++)
        {
            var centre = harmonic * hertz * Config.WindowLength / Config.SampleRate;
            for (var bin = (int)Math.Ceiling(centre - 2); bin <= centre + 2; bin++)
                yield return (bin, Lobe(bin - centre));
        }
    }

    /// <summary>Spectrum of a Hann window, bins from its middle.</summary>
    private static double Lobe(double bins)
    {
        static double Sinc(double x) => Math.Abs(x) < 1e-9 ? 1 : Math.Sin(Math.PI * x) / (Math.PI * x);
        return 0.5 * Sinc(bins) + 0.25 * (Sinc(bins - 1) + Sinc(bins + 1));
    }
}
