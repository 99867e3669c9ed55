using Codec.Audio;

namespace Codec.Core.Quantizers;

/// <summary>Which quantizer, and its size.</summary>
public enum QuantizerKind
{
    /// <summary>Residual vector quantization with codebooks that follow running means (EnCodec, Défossez et al. 2022).</summary>
    Rvq,
}

/// <summary>A quantizer of a native codec.</summary>
public sealed record QuantizerConfig
{
    public QuantizerKind Kind { get; init; } = QuantizerKind.Rvq;

    public int Books { get; init; } = 8;

    /// <summary>Entries per book.</summary>
    public int Size { get; init; } = 1024;

    /// <exception cref="ConfigException">A value is out of range.</exception>
    public QuantizerConfig Validate()
    {
        Require.InRange(Books, 1, 64);
        Require.InRange(Size, 2, 1 << 20);
        return this;
    }

    /// <summary>The quantizer module.</summary>
    /// <param name="dim">D of the latent.</param>
    public ResidualVectorQuantizer Build(int dim) => new(dim, Books, Size);
}
