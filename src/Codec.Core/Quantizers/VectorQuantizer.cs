using Codec.Audio;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Quantizers;

/// <summary>Shape and lookup of a <see cref="VectorQuantizer"/>.</summary>
public sealed record VectorQuantizerConfig
{
    /// <summary>D of the latent.</summary>
    public required int Dimension { get; init; }

    /// <summary>Entries.</summary>
    public required int CodebookSize { get; init; }

    /// <summary>D of the entries: the latent is projected down and up again (factorised codes). Null: no projection.</summary>
    public int? CodebookDimension { get; init; }

    /// <summary>Compare directions: latent and entries are L2-normalised for the search only.</summary>
    public bool Normalize { get; init; }

    public double CommitmentWeight { get; init; } = 0.25;

    public double CodebookWeight { get; init; } = 1;

    /// <exception cref="ConfigException">A value is out of range.</exception>
    public VectorQuantizerConfig Validate()
    {
        Require.Positive(Dimension);
        Require.Positive(CodebookSize);
        Require.Positive(CodebookDimension ?? 1, nameof(CodebookDimension));
        return this;
    }
}

/// <summary>
/// Vector quantization with a learned codebook (van den Oord et al. 2017), optionally with factorised,
/// L2-normalised lookup (Yu et al. 2021; the stage of the DAC quantizer, whose checkpoint keys it carries).
/// </summary>
public sealed class VectorQuantizer : nn.Module, IQuantizerStage
{
    private readonly Conv1d? in_proj, out_proj; // kernel 1: the checkpoints' shape of a linear map
    private readonly Embedding codebook;
    private readonly VectorQuantizerConfig _config;
    private readonly CodebookCache _cache = new();

    public VectorQuantizer(VectorQuantizerConfig config) : base(nameof(VectorQuantizer))
    {
        _config = config.Validate();
        var inner = config.CodebookDimension ?? config.Dimension;
        if (config.CodebookDimension is not null)
            in_proj = nn.Conv1d(config.Dimension, inner, 1);
        codebook = nn.Embedding(config.CodebookSize, inner);
        if (config.CodebookDimension is not null)
            out_proj = nn.Conv1d(inner, config.Dimension, 1);
        Books = [new CodebookSpec(config.CodebookSize)];
        RegisterComponents();
    }

    public IReadOnlyList<CodebookSpec> Books { get; }

    /// <summary>The stored entries [V, D'].</summary>
    public Tensor Entries => codebook.weight!;

    /// <summary>[B, T, D] to the space of the entries [B, T, D'].</summary>
    public Tensor Project(Tensor latent_BTD) => Apply(in_proj, latent_BTD);

    public Tensor Encode(Tensor latent_BTD, int? books = null)
    {
        using var scope = NewDisposeScope();
        return Nearest(Project(latent_BTD)).unsqueeze(1).MoveToOuterDisposeScope();
    }

    public Tensor Decode(Tensor codes_BKT)
    {
        using var scope = NewDisposeScope();
        return Apply(out_proj, codebook.forward(codes_BKT.select(1, 0))).MoveToOuterDisposeScope();
    }

    public QuantizedLatent Quantize(Tensor latent_BTD, int[]? booksPerItem = null) => QuantizeItems(latent_BTD).ToLatent();

    public StageResult QuantizeItems(Tensor latent_BTD)
    {
        using var scope = NewDisposeScope();
        var z_BTD = Project(latent_BTD);
        var codes_BT = Nearest(z_BTD);
        var e_BTD = codebook.forward(codes_BT);
        var commitment_B = (z_BTD - e_BTD.detach()).square().mean([1, 2]);
        var codebook_B = (e_BTD - z_BTD.detach()).square().mean([1, 2]);
        var loss_B = _config.CommitmentWeight * commitment_B + _config.CodebookWeight * codebook_B;
        var quantized_BTD = Apply(out_proj, StraightThrough.Copy(z_BTD, e_BTD));
        return new StageResult(quantized_BTD, codes_BT.unsqueeze(1), commitment_B, codebook_B, loss_B).MoveToOuterDisposeScope();
    }

    private Tensor Nearest(Tensor z_BTD)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Func<Tensor, Tensor>? prepare = _config.Normalize ? e => F.normalize(e, dim: -1) : null;
        var query = prepare is null ? z_BTD : prepare(z_BTD);
        var index = training
            ? CodebookIndex.Of(prepare is null ? codebook.weight! : prepare(codebook.weight!))
            : _cache.Get(codebook.weight!, prepare);
        return index.Nearest(query).MoveToOuterDisposeScope();
    }

    private static Tensor Apply(Conv1d? projection, Tensor x_BTD)
    {
        if (projection is null)
            return x_BTD.alias();
        using var scope = NewDisposeScope();
        return F.linear(x_BTD, projection.weight!.squeeze(-1), projection.bias).MoveToOuterDisposeScope();
    }
}
