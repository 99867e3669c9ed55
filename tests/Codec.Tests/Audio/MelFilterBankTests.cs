using Codec.Audio.Dsp;

namespace Codec.Tests.Audio;

public class MelFilterBankTests
{
    [Theory]
    [InlineData(MelScale.Slaney)]
    [InlineData(MelScale.Htk)]
    public void Filters_of_unit_height_overlap_to_one(MelScale scale)
    {
        var matrix = new MelFilterBank(new MelConfig { Bands = 40, FftLength = 2048, SampleRate = 16000, Scale = scale, UnitArea = false }).ToMatrix();
        for (var bin = 60; bin < 900; bin++) // between the first and the last centre
            Assert.Equal(1, Enumerable.Range(0, 40).Sum(m => matrix[m * 1025 + bin]), 1e-5);
    }

    [Fact]
    public void Filters_of_unit_area_integrate_to_one()
    {
        var matrix = new MelFilterBank(20, 8192, 16000).ToMatrix();
        for (var m = 0; m < 20; m++)
            Assert.Equal(1, matrix.AsSpan(m * 4097, 4097).ToArray().Sum(w => (double)w) * 16000 / 8192, 0.01);
    }

    [Fact]
    public void A_single_filter_peaks_in_the_middle_of_its_scale()
    {
        // HTK: the geometric mean of 1 + f / 700 at both edges; Slaney: half of the mels of 8 kHz.
        var slaneyStep = Math.Log(6.4) / 27;
        Assert.Equal(700 * (Math.Sqrt(2 * (1 + 8000 / 700.0)) - 1), PeakHertz(MelScale.Htk, 700), 1.0);
        Assert.Equal(1000 * Math.Exp(((15 + Math.Log(8) / slaneyStep) / 2 - 15) * slaneyStep), PeakHertz(MelScale.Slaney, 0), 1.0);
    }

    [Fact]
    public void The_dense_matrix_is_the_bank()
    {
        var bank = new MelFilterBank(30, 512, 16000);
        var matrix = bank.ToMatrix();
        var spectrum = new Spectrogram([.. Enumerable.Range(0, 257).Select(k => Math.Sin(k) + 1)], 1, 257);
        var mel = bank.Apply(spectrum);
        for (var m = 0; m < 30; m++)
            Assert.Equal(mel.Values[m], Enumerable.Range(0, 257).Sum(k => matrix[m * 257 + k] * spectrum.Values[k]), 1e-6);
    }

    private static double PeakHertz(MelScale scale, double low)
    {
        var matrix = new MelFilterBank(new MelConfig { Bands = 1, FftLength = 16000, SampleRate = 16000, Scale = scale, Low = low }).ToMatrix();
        return Array.IndexOf(matrix, matrix.Max());
    }
}
