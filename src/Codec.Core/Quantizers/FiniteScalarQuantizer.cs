using Codec.Audio;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Quantizers;

/// <summary>Shape of a <see cref="FiniteScalarQuantizer"/>.</summary>
public sealed record FiniteScalarConfig
{
    /// <summary>Levels of each scalar; their product is the codebook size.</summary>
    public required IReadOnlyList<int> Levels { get; init; }

    /// <summary>Independent codes per frame.</summary>
    public int Codebooks { get; init; } = 1;

    /// <summary>D of the latent; projected to Codebooks x Levels and back where it differs. Null: no projection.</summary>
    public int? Dimension { get; init; }

    /// <summary>Levels spread evenly over [-1, 1] for even level counts too.</summary>
    public bool PreserveSymmetry { get; init; }

    /// <summary>Clamps to [-1, 1] instead of the hyperbolic tangent (only with <see cref="PreserveSymmetry"/>).</summary>
    public bool HardClamp { get; init; }

    /// <exception cref="ConfigException">A value is out of range.</exception>
    public FiniteScalarConfig Validate()
    {
        Require.That(Levels.Count > 0 && Levels.All(l => l >= 2), nameof(Levels), "at least 2 each", string.Join(",", Levels));
        Require.That(Levels.Aggregate(1L, (a, b) => a * b) <= int.MaxValue, nameof(Levels), "a product below 2^31", string.Join(",", Levels));
        Require.Positive(Codebooks);
        Require.That(!HardClamp || PreserveSymmetry, nameof(HardClamp), "PreserveSymmetry with it", HardClamp);
        return this;
    }
}

/// <summary>
/// Finite scalar quantization (Mentzer et al. 2023, arXiv 2309.15505): every scalar is bounded and rounded to one of a
/// few levels; the code is their mixed-radix number, first scalar fastest. No learned codebook, no loss.
/// </summary>
public sealed class FiniteScalarQuantizer : nn.Module, IQuantizerStage
{
    private const double Epsilon = 1e-3; // keeps the outermost levels reachable through tanh

    private readonly Linear? project_in, project_out;
    private readonly FiniteScalarConfig _config;
    private readonly float[] _levels;
    private readonly long[] _basis;

    public FiniteScalarQuantizer(FiniteScalarConfig config) : base(nameof(FiniteScalarQuantizer))
    {
        _config = config.Validate();
        _levels = [.. config.Levels.Select(l => (float)l)];
        _basis = new long[_levels.Length];
        long size = 1;
        for (var i = 0; i < _levels.Length; i++)
        {
            _basis[i] = size;
            size *= config.Levels[i];
        }
        var scalars = config.Codebooks * _levels.Length;
        if (config.Dimension is { } dimension && dimension != scalars)
        {
            project_in = nn.Linear(dimension, scalars);
            project_out = nn.Linear(scalars, dimension);
        }
        Books = [.. Enumerable.Repeat(new CodebookSpec((int)size), config.Codebooks)];
        RegisterComponents();
    }

    public IReadOnlyList<CodebookSpec> Books { get; }

    public Tensor Encode(Tensor latent_BTD, int? books = null)
    {
        using var scope = NewDisposeScope();
        var codes_BTKL = Bound(Split(latent_BTD));
        return IndicesOf(codes_BTKL).narrow(1, 0, books ?? Books.Count).contiguous().MoveToOuterDisposeScope();
    }

    /// <remarks>Books that a prefix leaves out decode as the level nearest to zero.</remarks>
    public Tensor Decode(Tensor codes_BKT)
    {
        using var scope = NewDisposeScope();
        var values_BTKL = CodesOf(codes_BKT);
        var missing = Books.Count - (int)codes_BKT.shape[1];
        if (missing > 0)
            values_BTKL = cat([values_BTKL, Bound(zeros(values_BTKL.shape[0], values_BTKL.shape[1], missing, _levels.Length, device: values_BTKL.device))], 2);
        return Join(values_BTKL).MoveToOuterDisposeScope();
    }

    public QuantizedLatent Quantize(Tensor latent_BTD, int[]? booksPerItem = null)
    {
        if (booksPerItem is not null && Books.Count > 1)
            throw new ArgumentException("the books of one FSQ layer are equal in rank: none can be dropped", nameof(booksPerItem));
        return QuantizeItems(latent_BTD).ToLatent();
    }

    public StageResult QuantizeItems(Tensor latent_BTD)
    {
        using var scope = NewDisposeScope();
        var values_BTKL = Bound(Split(latent_BTD));
        var none_B = zeros(latent_BTD.shape[0], device: latent_BTD.device);
        return new StageResult(Join(values_BTKL), IndicesOf(values_BTKL.detach()), none_B, none_B.clone(), none_B.clone())
            .MoveToOuterDisposeScope();
    }

    /// <summary>Level values in [-1, 1] of codes.</summary>
    /// <param name="codes_BKT">int64 [B, K, T].</param>
    /// <returns>[B, T, K, L], one scalar per level.</returns>
    public Tensor CodesOf(Tensor codes_BKT)
    {
        using var scope = NewDisposeScope();
        var basis = tensor(_basis, device: codes_BKT.device);
        var levels = tensor(_levels, device: codes_BKT.device);
        var digits = codes_BKT.transpose(1, 2).unsqueeze(-1).div(basis, RoundingMode.floor).remainder(levels.to(ScalarType.Int64)).to(float32);
        var values = _config.PreserveSymmetry
            ? digits * (2 / (levels - 1)) - 1
            : (digits - (levels / 2).floor()) / (levels / 2).floor();
        return values.MoveToOuterDisposeScope();
    }

    /// <summary>Codes of level values, the inverse of <see cref="CodesOf"/>.</summary>
    /// <param name="values_BTKL">[B, T, K, L].</param>
    /// <returns>int64 [B, K, T].</returns>
    public Tensor IndicesOf(Tensor values_BTKL)
    {
        using var scope = NewDisposeScope();
        var levels = tensor(_levels, device: values_BTKL.device);
        var digits = _config.PreserveSymmetry
            ? (values_BTKL + 1) * ((levels - 1) / 2)
            : (values_BTKL + 1) * (levels / 2).floor();
        var basis = tensor(_basis, device: values_BTKL.device);
        return (digits.round().to(ScalarType.Int64) * basis).sum(-1).transpose(1, 2).contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>Scalars to level values, differentiable by straight-through.</summary>
    public Tensor Bound(Tensor z_BTKL)
    {
        using var scope = NewDisposeScope();
        var levels = tensor(_levels, device: z_BTKL.device);
        if (_config.PreserveSymmetry)
        {
            var unit = _config.HardClamp ? z_BTKL.clamp(-1, 1) : z_BTKL.tanh();
            var bracket = (levels - 1) * (unit + 1) / 2 + 0.5;
            var floored = bracket + (bracket.floor() - bracket).detach();
            return (2 / (levels - 1) * floored - 1).MoveToOuterDisposeScope();
        }
        var half = (levels - 1) * (1 + Epsilon) / 2;
        var offset = tensor([.. _levels.Select(l => l % 2 == 0 ? 0.5f : 0f)], device: z_BTKL.device);
        var bounded = (z_BTKL + (offset / half).atanh()).tanh() * half - offset;
        return (StraightThrough.Round(bounded) / (levels / 2).floor()).MoveToOuterDisposeScope();
    }

    private Tensor Split(Tensor latent_BTD)
    {
        using var scope = NewDisposeScope();
        var z = project_in is null ? latent_BTD : project_in.forward(latent_BTD);
        return z.reshape(z.shape[0], z.shape[1], _config.Codebooks, _levels.Length).MoveToOuterDisposeScope();
    }

    private Tensor Join(Tensor values_BTKL)
    {
        using var scope = NewDisposeScope();
        var flat = values_BTKL.flatten(2);
        return (project_out is null ? flat.alias() : project_out.forward(flat)).MoveToOuterDisposeScope();
    }
}
