using Codec.Core.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Codecs.Native;

/// <summary>
/// What codes of magnitudes cannot tell: the waveform itself, where its phases are heard most. The lowest coefficients of a modified discrete cosine
/// transform of each frame are quantized with steps that follow what the codes let expect. The decoder sees the spectra of what they say, and adds as
/// much of these to its own as it learned to trust. Without coefficients it is the decoder that it is without this layer.
/// A frame's coefficients reach no further than its samples, and the spectra that they complete are those that the frame's codes make: no further delay.
/// </summary>
public sealed class Lowband : nn.Module
{
    private readonly Linear embed, trust, level;
    private readonly Tensor analysis, spectra, synthesis;
    private readonly NativeConfig _config;
    private readonly LowbandConfig _lowband;
    private readonly LowbandBasis _basis;

    // Spectra below this magnitude count as none; gains of more than e do not help.
    internal const float Floor = 1e-4f, FeatureScale = 0.2f, MostLogGain = 1, Slope = 3, MostTrust = 30;
    private const double FirstTrust = 2, LevelFloor = 1e-3;

    private static readonly Scalar LeastPower = Floor * Floor, HalfScale = FeatureScale / 2, LogFloor = -Math.Log(Floor) * FeatureScale,
        MostGain = MostLogGain, Half = 0.5, Steepness = Slope, TrustLimit = MostTrust, NegativeLimit = -MostTrust, MostMagnitude = NativeDecoder.MaxLogMagnitude;

    public Lowband(NativeConfig config, LowbandConfig lowband) : base(nameof(Lowband))
    {
        (_config, _lowband, _basis) = (config, lowband, new LowbandBasis(config, lowband));
        embed = nn.Linear(lowband.Bins, config.HeadWidth, hasBias: false);
        trust = nn.Linear(config.HeadWidth, 2 * lowband.Bins);
        level = nn.Linear(config.LatentDim, lowband.Coefficients);
        foreach (var weight in new[] { embed.weight!, trust.weight!, trust.bias!, level.weight! })
            nn.init.zeros_(weight);
        using (no_grad())
            trust.bias!.narrow(0, 0, lowband.Bins).fill_(FirstTrust);
        nn.init.constant_(level.bias!, Math.Log(0.02));
        analysis = tensor(_basis.Analysis, [lowband.Coefficients, 2 * config.HopLength]);
        spectra = tensor(_basis.Spectra, [config.SpectraPerFrame * 2 * lowband.Bins, _basis.Frames * lowband.Coefficients]);
        synthesis = tensor(LowbandBasis.Synthesis(config, lowband), [2 * lowband.Bins, config.WindowLength]);
        RegisterComponents();
    }

    /// <summary>Coefficients of whole frames; silence before the start.</summary>
    /// <param name="audio_BS">[B, S], S a multiple of the hop.</param>
    /// <returns>[B, T, K].</returns>
    public Tensor Analyze(Tensor audio_BS)
    {
        using var scope = NewDisposeScope();
        var frames_BTW = F.pad(audio_BS, [_config.HopLength, 0]).unfold(1, 2 * _config.HopLength, _config.HopLength);
        return F.linear(frames_BTW, analysis).MoveToOuterDisposeScope();
    }

    /// <summary>Logarithms of the sizes that the codes of a frame let expect.</summary>
    /// <param name="latent_BTD">Sums of code vectors, [B, T, D].</param>
    /// <returns>[B, T, K].</returns>
    public Tensor Level(Tensor latent_BTD) => level.forward(latent_BTD);

    /// <summary>Bits, but for a constant, of coefficients that have a Laplacian of the sizes of <see cref="Level"/>: what these are learned by.</summary>
    public static Tensor LevelLoss(Tensor level_BTK, Tensor coefficients_BTK)
        => (level_BTK + (coefficients_BTK.abs() + LevelFloor) * (-level_BTK).exp()).mean();

    /// <summary>Coefficients as a decoder has them.</summary>
    /// <param name="coefficients_BTK">[B, T, K].</param>
    /// <param name="level_BTK">[B, T, K].</param>
    /// <param name="coarseness_B11">Factors of the steps, [B, 1, 1].</param>
    public Tensor Quantize(Tensor coefficients_BTK, Tensor level_BTK, Tensor coarseness_B11)
    {
        using var scope = NewDisposeScope();
        var step_BTK = (level_BTK * _lowband.Shape).exp() * coarseness_B11 * (_lowband.Range / _lowband.Steps);
        var steps_BTK = ((coefficients_BTK / step_BTK).abs() + Bitstream.LowbandBooks.Rounding).floor();
        return (coefficients_BTK.sign() * steps_BTK * step_BTK).MoveToOuterDisposeScope();
    }

    /// <summary>The spectra of what coefficients say.</summary>
    /// <param name="coefficients_BTK">[B, T, K].</param>
    /// <param name="state">Stream memory; null = offline.</param>
    /// <returns>[B, N, 2 F]: real parts of the bins, then imaginary ones.</returns>
    public Tensor Spectra(Tensor coefficients_BTK, StreamState? state)
    {
        using var scope = NewDisposeScope();
        var (b, frames, past) = (coefficients_BTK.shape[0], coefficients_BTK.shape[1], _basis.Frames - 1);
        var slot = state?.Slot(this, () => new TensorSlot(zeros(b, past, _lowband.Coefficients, coefficients_BTK.dtype, coefficients_BTK.device)));
        var joined_BTK = slot is null ? F.pad(coefficients_BTK, [0, 0, past, 0]) : cat([slot.Value, coefficients_BTK], 1);
        slot?.Set(joined_BTK.narrow(1, frames, past));
        var seen_BTFK = joined_BTK.unfold(1, _basis.Frames, 1).transpose(2, 3).reshape(b, frames, -1);
        return F.linear(seen_BTFK, spectra).reshape(b, frames * _config.SpectraPerFrame, 2 * _lowband.Bins).MoveToOuterDisposeScope();
    }

    /// <summary>What the head of the decoder sees of spectra: nothing of none.</summary>
    /// <param name="spectra_BNF">[B, N, 2 F].</param>
    /// <returns>[B, N, C].</returns>
    public Tensor Embed(Tensor spectra_BNF)
    {
        using var scope = NewDisposeScope();
        return LinearFunction.Forward(embed, Power(spectra_BNF).clamp_min(LeastPower).log().mul_(HalfScale).add_(LogFloor), training).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Goes over from the decoder's own spectra to these where they are nearly as strong: where they are much weaker, the coefficients that would tell were
    /// not worth their bits. How much is enough, and a gain, are learned; <see cref="LowbandConfig.Smoothing"/> brings strengths nearer to the decoder's own.
    /// </summary>
    /// <param name="spectra_BNF">[B, N, 2 F].</param>
    /// <param name="x_BNC">What the head of the decoder makes of everything.</param>
    /// <param name="polar_BNF">Log-magnitudes and phases of the decoder's own spectra.</param>
    /// <returns>What is left of the latter; windowed samples [B, N, W] of the former.</returns>
    public (Tensor Polar_BNF, Tensor Pieces_BNW) Mix(Tensor spectra_BNF, Tensor x_BNC, Tensor polar_BNF)
    {
        using var scope = NewDisposeScope();
        var bins = _lowband.Bins;
        var trust_BNF = LinearFunction.Forward(trust, x_BNC, training);
        var power_BNF = Power(spectra_BNF);
        var known_BNF = power_BNF > LeastPower;
        var log_BNF = power_BNF.clamp_min(LeastPower).log() * Half - polar_BNF.narrow(2, 0, bins).clamp_max(MostMagnitude);
        var share_BNF = (trust_BNF.narrow(2, 0, bins) + log_BNF * Steepness).clamp(NegativeLimit, TrustLimit);
        var lost_BNF = F.softplus(share_BNF) * known_BNF;
        var logGain_BNF = trust_BNF.narrow(2, bins, bins) * (1 - _lowband.Smoothing) - log_BNF * _lowband.Smoothing;
        var gain_BNF = share_BNF.sigmoid() * known_BNF * logGain_BNF.clamp_max(MostGain).exp();
        var rest_BNF = cat([polar_BNF.narrow(2, 0, bins) - lost_BNF, polar_BNF.narrow(2, bins, polar_BNF.shape[2] - bins)], 2);
        return (rest_BNF.MoveToOuterDisposeScope(), matmul(spectra_BNF * cat([gain_BNF, gain_BNF], 2), synthesis).MoveToOuterDisposeScope());
    }

    private Tensor Power(Tensor spectra_BNF) => spectra_BNF.narrow(2, 0, _lowband.Bins).square() + spectra_BNF.narrow(2, _lowband.Bins, _lowband.Bins).square();
}
