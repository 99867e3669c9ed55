using Codec.Audio;
using Codec.Core.Layers;
using Codec.Evaluation.Probes;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Evaluation.Probes;

/// <summary>Imaging and loss of every upsampler and synthesis head, beside the naive transposed convolution that they replace.</summary>
public sealed class ImagingProbeTests
{
    private static readonly double[] Low = [300, 1000, 2000, 3000, 3500];
    private static readonly double[] Wide = [250, 1000, 3000, 5000, 7500];

    /// <summary>Doubles the rate by holding every sample: a transposed convolution with kernel and stride 2, all ones.</summary>
    private static float[] Hold(float[] x) => [.. x.SelectMany(v => new[] { v, v })];

    /// <summary>Doubles the rate by a transposed convolution with kernel 4 and stride 2 (SEANet's shape), linear interpolation.</summary>
    private static float[] Transposed(float[] x)
    {
        var y = new float[2 * x.Length + 2];
        float[] kernel = [0.25f, 0.75f, 0.75f, 0.25f];
        for (var i = 0; i < x.Length; i++)
            for (var k = 0; k < 4; k++)
                y[2 * i + k] += x[i] * kernel[k];
        return y[1..^1];
    }

    private static float[] Resample(float[] x, int from, int to)
    {
        var resampler = new Resampler(from, to);
        float[] head = [.. resampler.Push(x)];
        return [.. head, .. resampler.Flush()];
    }

    /// <summary>Spectra of the input, untouched, through the head of Vocos: what the head itself adds or loses.</summary>
    private static float[] SpectralHead(float[] x, int size, int hop, FramePadding padding)
    {
        var head = ModuleFactory.Build(() => new InverseStft(size, hop, padding));
        using var scope = NewDisposeScope();
        var cut = padding == FramePadding.Same ? (size - hop) / 2 : size / 2;
        var padded = nn.functional.pad(tensor(x, [1, x.Length]), [cut, cut + hop]);
        var spectrum = fft.rfft(padded.unfold(1, size, hop) * hann_window(size));
        var output = head.forward(spectrum.abs(), spectrum.angle()).squeeze(0).contiguous().data<float>().ToArray();
        head.Dispose();
        return output;
    }

    [Fact]
    public void Resampling_leaves_no_image_and_loses_nothing()
    {
        foreach (var tone in ImagingProbe.Tones(x => Resample(x, 8000, 16000), 8000, 16000, 8000, Low))
        {
            Assert.InRange(tone.GainDecibels, -0.1, 0.1);
            Assert.True(tone.ImageDecibels < -95, $"{tone}");
        }
        Assert.Equal(0, ImagingProbe.Click(x => Resample(x, 8000, 24000), 8000, 24000).DelaySamples);
    }

    [Theory]
    [InlineData(640, 160, FramePadding.Same)]
    [InlineData(1024, 256, FramePadding.Center)]
    [InlineData(1280, 320, FramePadding.Same)]
    public void The_spectral_head_leaves_no_image_and_loses_nothing(int size, int hop, FramePadding padding)
    {
        float[] Head(float[] x) => SpectralHead(x, size, hop, padding);
        foreach (var tone in ImagingProbe.Tones(Head, 16000, 16000, 16000.0 / hop, Wide))
        {
            Assert.InRange(tone.GainDecibels, -0.05, 0.05);
            Assert.True(tone.ImageDecibels < -90, $"{tone}");
        }
        Assert.InRange(ImagingProbe.BandGain(Head, 16000, 6000, 8000), -0.1, 0.1);
        var click = ImagingProbe.Click(Head, 16000, 16000);
        Assert.Equal(0, click.DelaySamples);
        Assert.True(click.SpreadDecibels < -90, $"{click}");
    }

    [Fact]
    public void A_naive_transposed_convolution_is_far_worse_and_the_probe_sees_it()
    {
        var hold = ImagingProbe.Tones(Hold, 8000, 16000, 8000, Low);
        var linear = ImagingProbe.Tones(Transposed, 8000, 16000, 8000, Low);
        // Holding shapes by a sinc: |sin(x)| / x relations known in closed form.
        foreach (var tone in hold)
        {
            var f = Math.PI * tone.Hertz / 16000;
            Assert.Equal(20 * Math.Log10(Math.Cos(f)), tone.GainDecibels, 0.05);
            Assert.Equal(20 * Math.Log10(Math.Sin(f)), tone.ImageDecibels, 0.05);
            Assert.Equal(8000 - tone.Hertz, tone.ImageHertz, 1e-6);
        }
        Assert.All(linear.Where(t => t.Hertz > 1500), t => Assert.True(t.ImageDecibels > -40, $"{t}"));
        Assert.True(linear[^1].GainDecibels < -2.5);
    }

    [Fact]
    public void Band_noise_that_is_cut_shows_as_loss()
    {
        Assert.Equal(-20, ImagingProbe.BandGain(x => [.. x.Select(v => v * 0.1f)], 16000, 2000, 4000), 0.01);
        Assert.True(ImagingProbe.BandGain(x => Resample(Resample(x, 16000, 8000), 8000, 16000), 16000, 5000, 7000) < -60);
    }
}
