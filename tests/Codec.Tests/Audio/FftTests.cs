using Codec.Audio.Dsp;

namespace Codec.Tests.Audio;

public sealed class FftTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(8)]
    [InlineData(64)]
    [InlineData(321)]
    [InlineData(1000)]
    public void Forward_is_the_sum_of_the_definition_and_inverse_undoes_it(int length)
    {
        var random = new Random(length);
        var re = Enumerable.Range(0, length).Select(_ => random.NextDouble() - 0.5).ToArray();
        var im = Enumerable.Range(0, length).Select(_ => random.NextDouble() - 0.5).ToArray();
        double[] fr = [.. re], fi = [.. im];
        Fft.Of(length).Forward(fr, fi);
        for (var k = 0; k < length; k++)
        {
            double sr = 0, si = 0;
            for (var n = 0; n < length; n++)
            {
                var (sin, cos) = Math.SinCos(-2 * Math.PI * ((long)k * n % length) / length);
                sr += re[n] * cos - im[n] * sin;
                si += re[n] * sin + im[n] * cos;
            }
            Assert.Equal(sr, fr[k], 1e-10);
            Assert.Equal(si, fi[k], 1e-10);
        }
        Fft.Of(length).Inverse(fr, fi);
        for (var n = 0; n < length; n++)
            Assert.Equal(re[n], fr[n], 1e-12);
    }

    [Theory]
    [InlineData(8192)]
    [InlineData(16384)]
    public void Long_transforms_of_an_impulse_are_one_turning_vector(int length)
    {
        const int place = 4999;
        double[] re = new double[length], im = new double[length];
        re[place] = 1;
        Fft.Of(length).Forward(re, im);
        for (var k = 0; k < length; k++)
        {
            var (sin, cos) = Math.SinCos(-2 * Math.PI * ((long)k * place % length) / length);
            Assert.Equal(cos, re[k], 1e-12);
            Assert.Equal(sin, im[k], 1e-12);
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(16)]
    [InlineData(320)]
    [InlineData(321)]
    public void Real_transform_agrees_with_the_complex_one(int length)
    {
        var random = new Random(length);
        var signal = Enumerable.Range(0, length).Select(_ => random.NextDouble() - 0.5).ToArray();
        double[] re = [.. signal], im = new double[length];
        Fft.Of(length).Forward(re, im);
        var real = new RealFft(length);
        double[] hr = new double[real.Bins], hi = new double[real.Bins];
        real.Forward(signal, hr, hi);
        for (var k = 0; k < real.Bins; k++)
        {
            Assert.Equal(re[k], hr[k], 1e-10);
            Assert.Equal(im[k], hi[k], 1e-10);
        }
        if (length % 2 != 0)
            return;
        var back = new double[length];
        real.Inverse(hr, hi, back);
        for (var n = 0; n < length; n++)
            Assert.Equal(signal[n], back[n], 1e-12);
    }
}
