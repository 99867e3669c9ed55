using Codec.Audio.Dsp;
using Codec.Core.Codecs.Native;
using Codec.Core.Codecs.Native.Inference;
using Codec.Core.Kernels;
using Codec.Core.Pretrained;
using Codec.Evaluation.Probes;

namespace Codec.Tests.Evaluation.Probes;

/// <summary>The decoder of the bundled model under the probes, and its head, which has no weights, by itself.</summary>
public sealed unsafe class BundledDecoderProbeTests(ITestOutputHelper output)
{
    private const int Rate = 16000;
    private static readonly NativeConfig Config = new();

    // Not on the grid of the frame rate, so that mirrored lines do not fall onto the tone.
    private static readonly double[] Sweep = [261, 507, 1013, 2031, 3007, 5011, 7019];

    /// <summary>Exact spectra of the input through the synthesis of the engine.</summary>
    private static float[] Head(float[] x)
    {
        var (length, hop, bins) = (Config.WindowLength, Config.StftHop, Config.Bins);
        using var synthesis = new SpectralSynthesis(length, hop);
        var spectra = (x.Length + synthesis.Overlap + hop - 1) / hop;
        var padded = new double[spectra * hop + length];
        Array.ConvertAll(x, v => (double)v).CopyTo(padded, synthesis.Overlap);
        var fft = new RealFft(length);
        double[] block = new double[length], re = new double[bins], im = new double[bins];
        using var polar = new AlignedFloats((long)spectra * 2 * bins + RowTile.Lanes);
        for (var s = 0; s < spectra; s++)
        {
            for (var n = 0; n < length; n++)
                block[n] = padded[s * hop + n] * (0.5 - 0.5 * Math.Cos(2 * Math.PI * n / length));
            fft.Forward(block, re, im);
            for (var k = 0; k < bins; k++)
            {
                polar.Pointer[s * 2 * bins + k] = (float)Math.Log(Math.Max(1e-30, Math.Sqrt(re[k] * re[k] + im[k] * im[k])));
                polar.Pointer[s * 2 * bins + bins + k] = (float)Math.Atan2(im[k], re[k]);
            }
        }
        var samples = new float[spectra * hop];
        using var room = new RowRoom();
        synthesis.Run(polar.Pointer, 2 * bins, spectra, new RowTurn(new RowHistory([synthesis.Overlap]), null, 0), 0, room, samples);
        return samples[synthesis.Overlap..(synthesis.Overlap + x.Length)];
    }

    /// <summary>What the head replaces: frames of samples raised to the full rate by a transposed convolution that was told nothing.</summary>
    private static float[] Transposed(float[] x)
    {
        const int stride = 2; // the least that a decoder has
        float[] kernel = [0.25f, 0.75f, 0.75f, 0.25f];
        var y = new float[x.Length + kernel.Length];
        for (var i = 0; i < x.Length / stride; i++)
            for (var k = 0; k < kernel.Length; k++)
                y[stride * i + k] += x[stride * i] * kernel[k];
        return y[1..(x.Length + 1)];
    }

    private static Func<float[], float[]> Through(NativeCodec codec) => x =>
    {
        var (hop, delay) = (codec.Info.HopLength, codec.Info.DelaySamples);
        var padded = new float[(x.Length + delay + hop - 1) / hop * hop];
        x.CopyTo(padded, 0);
        return codec.DecodeSamples(codec.EncodeSamples(padded, 1))[delay..(delay + x.Length)];
    };

    [Fact]
    public void The_head_of_the_engine_images_less_than_a_naive_transposed_convolution_and_loses_nothing()
    {
        var head = ImagingProbe.Tones(Head, Rate, Rate, (double)Rate / Config.StftHop, Sweep);
        var naive = ImagingProbe.Tones(Transposed, Rate, Rate, Rate / 2.0, Sweep);
        foreach (var (chosen, plain) in head.Zip(naive))
        {
            output.WriteLine($"{chosen}; naive {plain}");
            Assert.InRange(chosen.GainDecibels, -0.01, 0.01);
            Assert.True(chosen.ImageDecibels < -90, $"{chosen}");
            if (plain.Hertz < Rate / 4.0)
                Assert.True(chosen.ImageDecibels < plain.ImageDecibels - 20, $"{chosen} against {plain}");
        }
        Assert.InRange(ImagingProbe.BandGain(Head, Rate, 6000, 8000), -0.1, 0.1);
        var click = ImagingProbe.Click(Head, Rate, Rate);
        Assert.Equal(0, click.DelaySamples);
        Assert.True(click.SpreadDecibels < -90, $"{click}");
    }

    /// <summary>A codec for speech need not keep sines; what it makes of them must not turn up elsewhere.</summary>
    [Fact]
    public void The_bundled_decoder_images_little_keeps_its_bands_and_is_in_time()
    {
        using var codec = NativeCheckpoint.Load(PretrainedModels.Resolve(null));
        var system = Through(codec);
        foreach (var imageRate in new[] { (double)Rate / codec.Info.HopLength, (double)Rate / Config.StftHop })
            foreach (var tone in ImagingProbe.Tones(system, Rate, Rate, imageRate, Sweep))
            {
                output.WriteLine(FormattableString.Invariant($"tone {tone.Hertz:0} Hz: gain {tone.GainDecibels:0.0} dB; images of {imageRate:0} Hz: strongest {tone.ImageDecibels:0.0} dB at {tone.ImageHertz:0} Hz"));
                Assert.True(tone.ImageDecibels < -20, $"{tone}");
            }
        foreach (var (low, high, least) in new[] { (300.0, 1000.0, -20.0), (1000, 3400, -20), (3400, 6000, -25), (6000, 7800, -40) })
        {
            var gain = ImagingProbe.BandGain(system, Rate, low, high);
            output.WriteLine(FormattableString.Invariant($"noise {low:0} to {high:0} Hz: {gain:0.0} dB"));
            Assert.InRange(gain, least, 6);
        }
        var click = ImagingProbe.Click(system, Rate, Rate);
        output.WriteLine($"{click}");
        Assert.InRange(click.DelaySamples, -Rate / 200, Rate / 200);
    }
}
