using Codec.Core.Kernels;
using Codec.Evaluation.Pesq;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Training.Losses;

/// <summary>
/// Audible disturbance as P.862 models it, made differentiable (after PMSQE, Martín-Doñas et al. 2018): powers in Bark bands, Zwicker
/// loudness, symmetric and asymmetric disturbance of each 32 ms frame. Time alignment, filter and gain compensation of the
/// Recommendation are left out: the compared signals are aligned, and a wrong spectrum or gain is to be learned away.
/// </summary>
public sealed class LoudnessLoss : IDisposable
{
    // P.862: weights of the two disturbances in the score, level of the aligned signal, power scale of a frame's weight.
    private const double SymmetricWeight = 0.1, AsymmetricWeight = 0.0309, TargetPower = 1e7;
    private const double LoudnessScale = 0.1866055, ZwickerPower = 0.23, DeadZone = 0.25;
    private const float LargestDisturbance = 45;

    /// <summary>Crops below this mean square (about -50 dBFS) are not amplified any further: their noise is not speech.</summary>
    private const float QuietestMeanSquare = 1e-5f;

    private static readonly Scalar Half = 0.5, Fifty = 50.0, Tiny = 1e-6, Two = 2.0;

    private readonly PesqSettings _settings = PesqSettings.At16;
    private readonly WindowedFrames _frames;
    private readonly Tensor _levelBins, _bands, _threshold, _exponent, _scale, _width;
    private readonly float _totalWidth;

    /// <param name="sampleRate">Hz: 16000, the only rate of the wideband model.</param>
    /// <param name="device">Where the compared audio lives.</param>
    public LoudnessLoss(int sampleRate, Device device)
    {
        if (sampleRate != _settings.SampleRate)
            throw new Codec.Audio.ConfigException($"loudness loss: needs audio at {_settings.SampleRate} Hz, found {sampleRate} Hz");
        using var scope = NewDisposeScope();
        Tensor Keep(Tensor x) => x.to(device).DetachFromDisposeScope();
        var bins = _settings.Frame / 2 + 1;
        _frames = new WindowedFrames(_settings.Frame, _settings.Hop, 0, device);
        _levelBins = Keep(tensor(LevelBins(bins)));
        _bands = Keep(tensor(BandMatrix(bins), [bins, Bands]));
        _threshold = Keep(tensor(_settings.HearingThreshold.Select(t => (float)t).ToArray()));
        var exponents = _settings.CentreBark.Select(z => ZwickerPower * (z < 4 ? Math.Pow(Math.Min(2, 6 / (z + 2)), 0.15) : 1)).ToArray();
        _exponent = Keep(tensor(exponents.Select(e => (float)e).ToArray()));
        _scale = Keep(tensor(exponents.Zip(_settings.HearingThreshold, (e, t) => (float)(LoudnessScale * Math.Pow(t / 0.5, e))).ToArray()));
        // The lowest band does not count.
        _width = Keep(tensor(_settings.WidthBark.Select((w, band) => band == 0 ? 0 : (float)w).ToArray()));
        _totalWidth = (float)_settings.WidthBark.Skip(1).Sum();
    }

    private int Bands => _settings.BinsPerBand.Length;

    /// <param name="output_BS">Audio under training, [B, S], 16 kHz, full scale 1.</param>
    /// <param name="target_BS">What it should sound like, same shape.</param>
    /// <returns>Scalar: points of raw score lost, root mean square over frames, mean over items; its gradient flows to <paramref name="output_BS"/>.</returns>
    public Tensor Compute(Tensor output_BS, Tensor target_BS)
    {
        using var scope = NewDisposeScope();
        Tensor spectrum_BNF, power_BNF, targetPower_BNF;
        using (no_grad())
        {
            spectrum_BNF = _frames.Spectrum(output_BS);
            power_BNF = SpectrumKernels.Magnitude(spectrum_BNF).pow_(2);
            targetPower_BNF = SpectrumKernels.Magnitude(_frames.Spectrum(target_BS)).pow_(2);
        }
        if (!output_BS.requires_grad)
            return Distance(power_BNF, targetPower_BNF).MoveToOuterDisposeScope();
        var loss = Distance(power_BNF.requires_grad_(true), targetPower_BNF);
        var slope_BNF = autograd.grad([loss], [power_BNF])[0];
        using var mode = no_grad();
        var gradient_BS = zeros_like(output_BS);
        _frames.AddGradient(spectrum_BNF, slope_BNF.mul_(Two), gradient_BS);
        using (enable_grad())
            return WindowedFrames.Carry(loss.detach(), output_BS, gradient_BS).MoveToOuterDisposeScope();
    }

    /// <summary>The loss between power spectra [B, N, F].</summary>
    private Tensor Distance(Tensor power_BNF, Tensor targetPower_BNF)
    {
        using var scope = NewDisposeScope();
        // Mean power between 350 and 3250 Hz sets the listening level, that of the target for both.
        var level_B11 = matmul(targetPower_BNF.mean([1]), _levelBins).clamp_min(QuietestMeanSquare).reshape(-1, 1, 1);
        var target_BNK = BandPower(targetPower_BNF, level_B11);
        var output_BNK = BandPower(power_BNF, level_B11);
        var (r_BNK, d_BNK) = (Loudness(target_BNK), Loudness(output_BNK));
        var audible_BNK = (d_BNK - r_BNK).abs() - minimum(r_BNK, d_BNK) * DeadZoneScalar;
        var weighted_BNK = audible_BNK.clamp_min(Zero) * _width;

        var frameWeight_BN = ((target_BNK * (target_BNK > _threshold)).sum(-1) + 1e5f).div(1e7f).pow(0.04f);
        var symmetric_BN = (weighted_BNK.pow(2).sum(-1).div(_totalWidth) + Tiny).sqrt().mul(_totalWidth);
        var asymmetric_BN = (weighted_BNK * Asymmetry(target_BNK, output_BNK)).sum(-1);
        var loss = OverTime(symmetric_BN / frameWeight_BN).mul(SymmetricWeight) + OverTime(asymmetric_BN / frameWeight_BN).mul(AsymmetricWeight);
        return loss.mean().MoveToOuterDisposeScope();
    }

    private static readonly Scalar DeadZoneScalar = DeadZone, Zero = 0.0;

    private static Tensor OverTime(Tensor disturbance_BN)
        => (disturbance_BN.clamp_max(LargestDisturbance).pow(2).mean([1]) + Tiny).sqrt();

    private Tensor BandPower(Tensor spectrum_BNF, Tensor power_B11)
        => matmul(spectrum_BNF, _bands) * (TargetPower / power_B11);

    private Tensor Loudness(Tensor power_BNK)
    {
        // At the threshold the bracket is zero, as it is below.
        var ratio_BNK = maximum(power_BNK, _threshold) / _threshold;
        return ((ratio_BNK * Half + Half).pow(_exponent) - 1) * _scale;
    }

    /// <summary>What was added disturbs more than what was left out: a factor, without gradient.</summary>
    private static Tensor Asymmetry(Tensor target_BNK, Tensor output_BNK)
    {
        using var mode = no_grad();
        var ratio_BNK = ((output_BNK + Fifty) / (target_BNK + Fifty)).pow(1.2f);
        return ratio_BNK.clamp_max(12) * (ratio_BNK >= 3);
    }

    /// <summary>Weights that turn a power spectrum into the mean square of what lies between 350 and 3250 Hz.</summary>
    private float[] LevelBins(int bins)
    {
        var weights = new float[bins];
        // Parseval for a Hann window: the mean of its square is 3/8; every bin but the outer ones stands for two.
        var perBin = 2 / (0.375 * _settings.Frame * _settings.Frame);
        for (var k = 0; k < bins; k++)
        {
            var hertz = (double)k * _settings.SampleRate / _settings.Frame;
            weights[k] = hertz is >= 350 and <= 3250 ? (float)perBin : 0;
        }
        return weights;
    }

    /// <summary>Bins to bands with the wideband input filter, corrections and power scale, [F * K] row by row.</summary>
    private float[] BandMatrix(int bins)
    {
        var matrix = new float[bins * Bands];
        for (int band = 0, k = 0; band < Bands; band++)
            for (var end = k + _settings.BinsPerBand[band]; k < end && k < bins; k++)
                if (k > 0)
                    matrix[k * Bands + band] = (float)(Gain(k) * _settings.Correction[band] * _settings.PowerScale);
        return matrix;
    }

    /// <summary>Squared magnitude of the wideband input filter at a bin.</summary>
    private double Gain(int bin)
    {
        var (gain, angle) = (1.0, 2 * Math.PI * bin / _settings.Frame);
        foreach (var s in PesqTables.WideBandSections16)
        {
            double Square(double b0, double b1, double b2)
            {
                var re = b0 + b1 * Math.Cos(angle) + b2 * Math.Cos(2 * angle);
                var im = b1 * Math.Sin(angle) + b2 * Math.Sin(2 * angle);
                return re * re + im * im;
            }
            gain *= Square(s[0], s[1], s[2]) / Square(1, s[3], s[4]);
        }
        return gain;
    }

    public void Dispose()
    {
        _frames.Dispose();
        foreach (var tensor in new[] { _levelBins, _bands, _threshold, _exponent, _scale, _width })
            tensor.Dispose();
    }
}
