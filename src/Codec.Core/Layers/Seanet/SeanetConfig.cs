using Codec.Audio;

namespace Codec.Core.Layers.Seanet;

/// <summary>Sizes of a SEANet encoder and decoder (Tagliasacchi et al. 2020; Defossez et al. 2022).</summary>
public sealed record SeanetConfig
{
    /// <summary>Audio channels.</summary>
    public int Channels { get; init; } = 1;

    /// <summary>Channels of the latent.</summary>
    public required int Dimension { get; init; }

    /// <summary>Channels at the rate of the audio; every downsampling doubles them.</summary>
    public required int Filters { get; init; }

    /// <summary>Strides in the order of the decoder; their product is the hop.</summary>
    public required IReadOnlyList<int> Ratios { get; init; }

    public int ResidualLayers { get; init; } = 1;

    public int Kernel { get; init; } = 7;

    public int LastKernel { get; init; } = 7;

    public int ResidualKernel { get; init; } = 3;

    /// <summary>Dilation of residual layer j is this to the power of j.</summary>
    public int DilationBase { get; init; } = 2;

    /// <summary>Inner channels of a residual unit = outer channels / this.</summary>
    public int Compress { get; init; } = 2;

    public bool Causal { get; init; }

    public PadMode PadMode { get; init; } = PadMode.Reflect;

    /// <summary>The shortcut of a residual unit is the identity instead of a convolution.</summary>
    public bool TrueSkip { get; init; }

    public int LstmLayers { get; init; }

    /// <summary>The encoder's LSTM runs both ways and doubles the channels.</summary>
    public bool BidirectionalLstm { get; init; }

    /// <summary>GroupNorm with one group behind every convolution (a norm over time: not causal).</summary>
    public bool TimeGroupNorm { get; init; }

    /// <summary>Part of the superfluous samples of a causal transposed convolution that is cut off at the right.</summary>
    public double TrimRightRatio { get; init; } = 1;

    /// <summary>Samples per frame.</summary>
    public int HopLength => Ratios.Aggregate(1, (product, ratio) => product * ratio);

    /// <exception cref="ConfigException">A value is out of range.</exception>
    public SeanetConfig Validate()
    {
        Require.InRange(Channels, 1, 64);
        Require.InRange(Dimension, 1, 1 << 14);
        Require.InRange(Filters, 1, 1 << 12);
        Require.InRange(Ratios.Count, 1, 8, nameof(Ratios));
        foreach (var ratio in Ratios)
            Require.InRange(ratio, 1, 64, nameof(Ratios));
        Require.InRange((double)Filters * (1 << Ratios.Count), 1, 1 << 15, nameof(Filters)); // channels at the frame rate
        Require.InRange(ResidualLayers, 0, 16);
        Require.InRange(Kernel, 1, 63);
        Require.InRange(LastKernel, 1, 63);
        Require.InRange(ResidualKernel, 1, 63);
        Require.InRange(DilationBase, 1, 8);
        Require.InRange(Compress, 1, Filters);
        Require.InRange(LstmLayers, 0, 8);
        Require.InRange(TrimRightRatio, 0, 1);
        return this;
    }
}
