using Codec.Audio;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Quantizers;

/// <summary>Shape and losses of a <see cref="LookupFreeQuantizer"/>.</summary>
public sealed record LookupFreeConfig
{
    /// <summary>Bits per code; the codebook has 2^Bits entries.</summary>
    public required int Bits { get; init; }

    /// <summary>D of the latent; projected where it differs from Bits. Null: no projection.</summary>
    public int? Dimension { get; init; }

    /// <summary>Binary spherical quantization: latent and codes lie on the unit sphere.</summary>
    public bool Spherical { get; init; }

    /// <summary>Inverse temperature of the soft assignment in the entropy loss.</summary>
    public double InverseTemperature { get; init; } = 100;

    /// <summary>Weight of the codebook entropy, which is to be high.</summary>
    public double Diversity { get; init; } = 1;

    public double EntropyWeight { get; init; } = 0.1;

    public double CommitmentWeight { get; init; }

    /// <exception cref="ConfigException">A value is out of range.</exception>
    public LookupFreeConfig Validate()
    {
        Require.InRange(Bits, 1, 24);
        Require.Positive(Dimension ?? 1, nameof(Dimension));
        return this;
    }
}

/// <summary>
/// Lookup-free quantization (Yu et al. 2023, arXiv 2310.05737) and its spherical variant (Zhao et al. 2024, arXiv
/// 2406.07548): the code is the signs of the scalars, first scalar in the highest bit.
/// </summary>
public sealed class LookupFreeQuantizer : nn.Module, IQuantizerStage
{
    private readonly Tensor mask;
    private readonly Linear? project_in, project_out;
    private readonly LookupFreeConfig _config;

    public LookupFreeQuantizer(LookupFreeConfig config) : base(nameof(LookupFreeQuantizer))
    {
        _config = config.Validate();
        mask = tensor([.. Enumerable.Range(0, config.Bits).Select(i => 1L << (config.Bits - 1 - i))]).DetachFromDisposeScope();
        if (config.Dimension is { } dimension && dimension != config.Bits)
        {
            project_in = nn.Linear(dimension, config.Bits);
            project_out = nn.Linear(config.Bits, dimension);
        }
        Books = [new CodebookSpec(1 << config.Bits)];
        RegisterComponents();
    }

    public IReadOnlyList<CodebookSpec> Books { get; }

    public Tensor Encode(Tensor latent_BTD, int? books = null)
    {
        using var scope = NewDisposeScope();
        return CodesOf(Project(latent_BTD)).MoveToOuterDisposeScope();
    }

    public Tensor Decode(Tensor codes_BKT)
    {
        using var scope = NewDisposeScope();
        return Out(ValuesOf(codes_BKT.select(1, 0))).MoveToOuterDisposeScope();
    }

    public QuantizedLatent Quantize(Tensor latent_BTD, int[]? booksPerItem = null) => QuantizeItems(latent_BTD).ToLatent();

    /// <remarks>The entropy loss is one number of the whole batch; every item carries it.</remarks>
    public StageResult QuantizeItems(Tensor latent_BTD)
    {
        using var scope = NewDisposeScope();
        var z_BTD = Project(latent_BTD);
        var codes_B1T = CodesOf(z_BTD.detach());
        var value_BTD = ValuesOf(codes_B1T.select(1, 0));
        var commitment_B = (z_BTD - value_BTD).square().mean([1, 2]);
        var loss_B = _config.EntropyWeight * EntropyLoss(z_BTD) + _config.CommitmentWeight * commitment_B;
        return new StageResult(Out(StraightThrough.Copy(z_BTD, value_BTD)), codes_B1T, commitment_B, zeros_like(commitment_B), loss_B)
            .MoveToOuterDisposeScope();
    }

    /// <summary>Entropy of each assignment less <see cref="LookupFreeConfig.Diversity"/> times the entropy of their mean.</summary>
    /// <param name="z_BTD">Projected latent [B, T, Bits].</param>
    /// <returns>Scalar, nats.</returns>
    public Tensor EntropyLoss(Tensor z_BTD)
    {
        using var scope = NewDisposeScope();
        var all_1V = arange(Books[0].Size, device: z_BTD.device).unsqueeze(0);
        var codebook_VD = ValuesOf(all_1V).squeeze(0);
        var distance_NV = -2 * z_BTD.flatten(0, 1).matmul(codebook_VD.t());
        var p_NV = F.softmax(-distance_NV * _config.InverseTemperature, dim: -1);
        return (Entropy(p_NV).mean() - _config.Diversity * Entropy(p_NV.mean([0]))).MoveToOuterDisposeScope();
    }

    private static Tensor Entropy(Tensor p_NV) => (-p_NV * p_NV.clamp(1e-5).log()).sum(-1);

    private Tensor CodesOf(Tensor z_BTD) => ((z_BTD > 0).to(ScalarType.Int64) * mask).sum(-1).unsqueeze(1);

    private Tensor ValuesOf(Tensor codes_BT)
    {
        using var scope = NewDisposeScope();
        var signs = codes_BT.unsqueeze(-1).bitwise_and(mask).ne(0).to(float32) * 2 - 1;
        return (_config.Spherical ? F.normalize(signs, dim: -1) : signs.alias()).MoveToOuterDisposeScope();
    }

    private Tensor Project(Tensor latent_BTD)
    {
        using var scope = NewDisposeScope();
        var z = project_in is null ? latent_BTD.alias() : project_in.forward(latent_BTD);
        return (_config.Spherical ? F.normalize(z, dim: -1) : z).MoveToOuterDisposeScope();
    }

    private Tensor Out(Tensor value_BTD) => project_out is null ? value_BTD.alias() : project_out.forward(value_BTD);
}
