using Codec.Core.Codecs.Native;
using Codec.Training.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Training;

[NoTensorLeaks]
public sealed class HarmonicPhasesTests
{
    private const double Hertz = 150;
    private const int Spectra = 36, Bins = 80, Samples = 4800;
    private static readonly NativeConfig Config = new();

    [Fact]
    public void Periods_that_begin_elsewhere_are_no_difference()
    {
        using var scope = NewDisposeScope();
        Assert.InRange(Loss(Phases(Voice(0.3))), 0, 0.05);
        Assert.InRange(Loss(Phases(Voice(0))), 0, 0.001);
    }

    [Fact]
    public void Another_shape_of_the_period_is_one()
    {
        using var scope = NewDisposeScope();
        Assert.InRange(Loss(Phases(Voice(0.3, shape: 7))), 0.1, 1.5);
    }

    [Fact]
    public void Anchored_items_get_the_periods_of_the_original_and_others_stay()
    {
        using var scope = NewDisposeScope();
        var (own_BNK, original_BNK) = (Phases(Voice(0.3)).expand(2, -1, -1), Phases(Voice(0)));
        using var phases = new HarmonicPhases(Config, Voice(0).expand(2, -1), 0.5);
        var moved_BNK = own_BNK + phases.Guide(own_BNK, Voiced(2));
        var spectra = new Range(12, 30); // their windows lie within the voice
        for (var harmonic = 1; harmonic <= 8; harmonic++)
        {
            var bin = (int)(harmonic * Hertz * Config.WindowLength / Config.SampleRate);
            var away = (moved_BNK[0, spectra, bin] - original_BNK[0, spectra, bin]).cos();
            Assert.InRange(away.min().item<float>(), 0.95, 1);
        }
        Assert.Equal(0, (moved_BNK[1] - own_BNK[1]).abs().max().item<float>());
    }

    [Fact]
    public void The_gradient_leads_to_the_shape_of_the_original()
    {
        using var scope = NewDisposeScope();
        var own_BNK = Phases(Voice(0.3, shape: 7));
        for (var step = 0; step < 60; step++)
        {
            own_BNK = own_BNK.detach().requires_grad_(true); // a leaf again
            using var phases = new HarmonicPhases(Config, Voice(0), 0.5);
            phases.Guide(own_BNK, Voiced(1));
            phases.Loss!.backward();
            own_BNK = own_BNK - own_BNK.grad! * 300;
        }
        Assert.InRange(Loss(own_BNK.detach()), 0, 0.05);
    }

    [Fact]
    public void Without_a_voice_there_is_no_loss()
    {
        using var scope = NewDisposeScope();
        using var phases = new HarmonicPhases(Config, Voice(0), 1);
        Assert.Equal(0, phases.Guide(Phases(Voice(0.3)), new double[Spectra]).abs().sum().item<float>());
        Assert.Null(phases.Loss);
    }

    private static double[] Voiced(int items) => [.. Enumerable.Repeat(Hertz, items * Spectra)];

    private static float Loss(Tensor phases_BNK)
    {
        using var phases = new HarmonicPhases(Config, Voice(0), 0);
        Assert.Equal(0, phases.Guide(phases_BNK, Voiced(1)).abs().max().item<float>());
        return phases.Loss!.item<float>();
    }

    /// <summary>Twelve harmonics that rise and fall, a share of a period late, of phases that a seed draws: [1, S].</summary>
    private static Tensor Voice(double late, int shape = 3)
    {
        var random = new Random(shape);
        var samples = new float[Samples];
        for (var harmonic = 1; harmonic <= 12; harmonic++)
        {
            var phase = 2 * Math.PI * (random.NextDouble() - harmonic * late);
            for (var i = 0; i < Samples; i++)
                samples[i] += (float)(0.1 / harmonic * Math.Sin(Math.PI * i / Samples) * Math.Cos(2 * Math.PI * harmonic * Hertz * i / Config.SampleRate + phase));
        }
        return tensor(samples, [1, Samples]);
    }

    /// <summary>Those of the spectra that a decoder would have made: [1, N, K].</summary>
    private static Tensor Phases(Tensor audio_BS)
    {
        var padded_BS = nn.functional.pad(audio_BS, [Config.DelaySamples, Spectra * Config.StftHop + Config.WindowLength - Config.DelaySamples - Samples]);
        return fft.rfft(padded_BS.unfold(1, Config.WindowLength, Config.StftHop).narrow(1, 0, Spectra) * hann_window(Config.WindowLength)).narrow(2, 0, Bins).angle();
    }
}
