using System.Text.Json.Serialization;
using Codec.Audio;
using TorchSharp;

namespace Codec.Core.Quantizers;

/// <summary>Which quantizer.</summary>
public enum QuantizerKind
{
    /// <summary>Residual vector quantization with codebooks that follow running means (EnCodec, Défossez et al. 2022).</summary>
    Rvq,

    /// <summary>Residual vector quantization with factorised, L2-normalised lookup, trained by gradients (DAC, Kumar et al. 2023).</summary>
    FactorizedRvq,

    /// <summary>Residual quantization per group of channels (HiFi-Codec, Yang et al. 2023).</summary>
    GroupedRvq,

    /// <summary>Residual SimVQ (Zhu et al. 2024).</summary>
    SimVq,

    /// <summary>One finite scalar quantizer per group of channels (Mentzer et al. 2023).</summary>
    Fsq,

    /// <summary>Residual finite scalar quantization.</summary>
    ResidualFsq,
}

/// <summary>A quantizer of a native codec.</summary>
public sealed record QuantizerConfig
{
    public QuantizerKind Kind { get; init; } = QuantizerKind.Rvq;

    public int Books { get; init; } = 8;

    /// <summary>Entries per book, for vector quantizers.</summary>
    public int Size { get; init; } = 1024;

    /// <summary>Channels of the factorised lookup.</summary>
    public int CodeDim { get; init; } = 8;

    /// <summary>Groups of channels, for <see cref="QuantizerKind.GroupedRvq"/>; divides <see cref="Books"/>.</summary>
    public int Groups { get; init; } = 2;

    /// <summary>Levels of each scalar, for finite scalar quantizers; their product is the size of a book.</summary>
    public IReadOnlyList<int> Levels { get; init; } = [8, 5, 5, 5];

    /// <summary>Whether a prefix of the books means something: the books of one FSQ layer are equal in rank.</summary>
    [JsonIgnore]
    public bool Scalable => Kind != QuantizerKind.Fsq;

    /// <exception cref="ConfigException">A value is out of range.</exception>
    public QuantizerConfig Validate()
    {
        Require.InRange(Books, 1, 64);
        Require.InRange(Size, 2, 1 << 20);
        Require.InRange(CodeDim, 1, 4096);
        Require.That(Kind != QuantizerKind.GroupedRvq || Groups > 0 && Books % Groups == 0, nameof(Groups), $"a divisor of {nameof(Books)} ({Books})", Groups);
        return this;
    }

    /// <summary>The books that the quantizer will have.</summary>
    public IReadOnlyList<CodebookSpec> BookSpecs()
        => Enumerable.Repeat(new CodebookSpec(Kind is QuantizerKind.Fsq or QuantizerKind.ResidualFsq ? Levels.Aggregate(1, (a, b) => a * b) : Size), Books).ToArray();

    /// <summary>The quantizer, a module.</summary>
    /// <param name="dim">D of the latent.</param>
    public IQuantizer Build(int dim) => Kind switch
    {
        QuantizerKind.Rvq => new ResidualVectorQuantizer(dim, Books, Size),
        QuantizerKind.FactorizedRvq => ResidualQuantizer.OfVectors(Enumerable.Repeat(Vector(dim), Books)),
        QuantizerKind.GroupedRvq => new GroupedQuantizer(Enumerable.Range(0, Groups)
            .Select(_ => ResidualQuantizer.OfVectors(Enumerable.Repeat(Vector(dim / Groups), Books / Groups)))),
        QuantizerKind.SimVq => new ResidualQuantizer(Enumerable.Range(0, Books)
            .Select(_ => new SimVectorQuantizer(new SimVectorConfig { Dimension = dim, CodebookSize = Size }))),
        QuantizerKind.Fsq => new FiniteScalarQuantizer(new FiniteScalarConfig { Levels = Levels, Codebooks = Books, Dimension = dim }),
        QuantizerKind.ResidualFsq => new ResidualFiniteScalarQuantizer(Levels, Books, dim),
        _ => throw new ConfigException($"{nameof(Kind)}: unknown quantizer {Kind}"),
    };

    private VectorQuantizerConfig Vector(int dim)
        => new() { Dimension = dim, CodebookSize = Size, CodebookDimension = Math.Min(CodeDim, dim), Normalize = true };
}
