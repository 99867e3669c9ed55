using Codec.Audio;

namespace Codec.Core.Codecs.Native;

/// <summary>Quantized coefficients of the waveform's low band, which the decoder may be given beside the codes: see <see cref="Lowband"/>.</summary>
public sealed record LowbandConfig
{
    /// <summary>Coefficients of a modified discrete cosine transform that are kept of a frame, each SampleRate / (2 HopLength) Hz wide.</summary>
    public int Coefficients { get; init; } = 40;

    /// <summary>Bins of the decoder's spectra that the coefficients reach.</summary>
    public int Bins { get; init; } = 48;

    /// <summary>Largest size of a coefficient that is expected to have the size 1; it is divided into <see cref="Bitstream.LowbandBooks"/>' steps.</summary>
    public double Range { get; init; } = 18;

    /// <summary>Steps of the range in training, about which they are varied.</summary>
    public int Steps { get; init; } = 60;

    /// <summary>Steps grow with this power of the size that the codes let expect: 0 all alike, 1 as many steps for weak ones as for strong ones.</summary>
    public double Shape { get; init; } = 0.3;

    /// <summary>
    /// How far the strength of a bin that is taken from the coefficients is that which the decoder would have given it: 0 not at all, 1 only phases are the coefficients'.
    /// Strengths of coarse coefficients jump about from one spectrum to the next, which is heard as roughness.
    /// </summary>
    public double Smoothing { get; init; }

    internal void Validate(NativeConfig config)
    {
        Require.InRange(Coefficients, 1, config.HopLength);
        Require.InRange(Bins, 1, config.Bins);
        Require.Positive(Range);
        Require.InRange(Shape, 0, 1);
        Require.InRange(Smoothing, 0, 1);
        Require.InRange(Steps, Bitstream.LowbandBooks.FewestSteps, Bitstream.LowbandBooks.MostSteps);
        Require.That(config.DelaySamples >= config.WindowLength + config.HopLength - config.StftHop, nameof(config.DelaySamples),
            $"at least {config.WindowLength + config.HopLength - config.StftHop}, so that coefficients are there when they are needed", config.DelaySamples);
    }
}
