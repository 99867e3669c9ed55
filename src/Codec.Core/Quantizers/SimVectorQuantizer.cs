using Codec.Audio;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Quantizers;

/// <summary>Shape of a <see cref="SimVectorQuantizer"/>.</summary>
public sealed record SimVectorConfig
{
    /// <summary>D of the latent and of the mapped entries.</summary>
    public required int Dimension { get; init; }

    public required int CodebookSize { get; init; }

    /// <summary>D of the frozen entries; null: as the latent.</summary>
    public int? FrozenDimension { get; init; }

    /// <summary>Hidden width of a two-layer map with ReLU between; null: one linear map without bias.</summary>
    public int? HiddenDimension { get; init; }

    /// <summary>Gradients by the rotation trick instead of by copying.</summary>
    public bool RotationTrick { get; init; } = true;

    public double Weight { get; init; } = 1;

    /// <summary>Weight of the term that pulls the latent, within <see cref="Weight"/>.</summary>
    public double CommitmentWeight { get; init; } = 0.25;

    /// <exception cref="ConfigException">A value is out of range.</exception>
    public SimVectorConfig Validate()
    {
        Require.Positive(Dimension);
        Require.Positive(CodebookSize);
        Require.Positive(FrozenDimension ?? 1, nameof(FrozenDimension));
        Require.Positive(HiddenDimension ?? 1, nameof(HiddenDimension));
        return this;
    }
}

/// <summary>
/// SimVQ (Zhu et al. 2024, arXiv 2411.02038): a frozen random codebook seen through one learned map, so that every
/// entry moves with every step and none dies.
/// </summary>
public sealed class SimVectorQuantizer : nn.Module, IQuantizerStage
{
    private readonly Tensor frozen_codebook;
    private readonly nn.Module<Tensor, Tensor> code_transform;
    private readonly SimVectorConfig _config;

    /// <param name="config">Shape.</param>
    /// <param name="generator">For the frozen codebook; null = the ambient one.</param>
    public SimVectorQuantizer(SimVectorConfig config, Generator? generator = null) : base(nameof(SimVectorQuantizer))
    {
        _config = config.Validate();
        var inner = config.FrozenDimension ?? config.Dimension;
        frozen_codebook = (randn(config.CodebookSize, inner, generator: generator) * Math.Pow(inner, -0.5)).DetachFromDisposeScope();
        code_transform = config.HiddenDimension is { } hidden
            ? nn.Sequential(nn.Linear(inner, hidden), nn.ReLU(), nn.Linear(hidden, config.Dimension))
            : nn.Linear(inner, config.Dimension, hasBias: false);
        Books = [new CodebookSpec(config.CodebookSize)];
        RegisterComponents();
    }

    public IReadOnlyList<CodebookSpec> Books { get; }

    /// <summary>The entries as they stand: the map of the frozen codebook, [V, D].</summary>
    public Tensor Codebook() => code_transform.forward(frozen_codebook);

    public Tensor Encode(Tensor latent_BTD, int? books = null)
    {
        using var scope = NewDisposeScope();
        return CodebookIndex.Of(Codebook()).Nearest(latent_BTD).unsqueeze(1).MoveToOuterDisposeScope();
    }

    public Tensor Decode(Tensor codes_BKT)
    {
        using var scope = NewDisposeScope();
        return Look(codes_BKT.select(1, 0)).MoveToOuterDisposeScope();
    }

    public QuantizedLatent Quantize(Tensor latent_BTD, int[]? booksPerItem = null) => QuantizeItems(latent_BTD).ToLatent();

    public StageResult QuantizeItems(Tensor latent_BTD)
    {
        using var scope = NewDisposeScope();
        var codebook_VD = Codebook();
        var codes_BT = CodebookIndex.Of(codebook_VD).Nearest(latent_BTD);
        var e_BTD = codebook_VD.index_select(0, codes_BT.flatten()).view(latent_BTD.shape);
        var commitment_B = (latent_BTD - e_BTD.detach()).square().mean([1, 2]);
        var codebook_B = (e_BTD - latent_BTD.detach()).square().mean([1, 2]);
        var quantized_BTD = _config.RotationTrick ? StraightThrough.Rotate(latent_BTD, e_BTD) : StraightThrough.Copy(latent_BTD, e_BTD);
        var loss_B = _config.Weight * (codebook_B + _config.CommitmentWeight * commitment_B);
        return new StageResult(quantized_BTD, codes_BT.unsqueeze(1), commitment_B, codebook_B, loss_B).MoveToOuterDisposeScope();
    }

    /// <summary>Maps only the entries that are asked for.</summary>
    private Tensor Look(Tensor codes_BT)
        => code_transform.forward(frozen_codebook.index_select(0, codes_BT.flatten())).view(codes_BT.shape[0], codes_BT.shape[1], -1);
}
