using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Quantizers;

/// <summary>
/// Residual quantization (Zeghidour et al. 2021): every stage codes what the stages before it left. Any prefix of
/// the books decodes. Stages are any one-book quantizers of the same dimension.
/// </summary>
public sealed class ResidualQuantizer : nn.Module, IQuantizer
{
    private readonly ModuleList<nn.Module> quantizers;
    private readonly IQuantizerStage[] _stages;

    /// <param name="stages">Coarse first; each a module, owned from now on.</param>
    public ResidualQuantizer(IEnumerable<IQuantizerStage> stages) : base(nameof(ResidualQuantizer))
    {
        _stages = [.. stages];
        quantizers = new ModuleList<nn.Module>([.. _stages.Cast<nn.Module>()]);
        Books = [.. _stages.SelectMany(s => s.Books)];
        ArgumentOutOfRangeException.ThrowIfNotEqual(Books.Count, _stages.Length, nameof(stages));
        RegisterComponents();
    }

    /// <summary>Stages made from one factorised, L2-normalised config each: the quantizer of DAC.</summary>
    public static ResidualQuantizer OfVectors(IEnumerable<VectorQuantizerConfig> stages)
        => new(stages.Select(c => new VectorQuantizer(c)));

    public IReadOnlyList<CodebookSpec> Books { get; }

    /// <summary>One stage by itself.</summary>
    public IQuantizerStage Stage(int book) => _stages[book];

    public Tensor Encode(Tensor latent_BTD, int? books = null)
    {
        using var scope = NewDisposeScope();
        var residual_BTD = latent_BTD.alias();
        var codes = new List<Tensor>();
        foreach (var stage in _stages.Take(books ?? _stages.Length))
        {
            using var inner = NewDisposeScope();
            var codes_B1T = stage.Encode(residual_BTD);
            codes.Add(codes_B1T.MoveToOuterDisposeScope());
            if (codes.Count < _stages.Length)
                residual_BTD = (residual_BTD - stage.Decode(codes_B1T)).MoveToOuterDisposeScope();
        }
        return cat(codes, 1).MoveToOuterDisposeScope();
    }

    public Tensor Decode(Tensor codes_BKT)
    {
        using var scope = NewDisposeScope();
        var sum_BTD = _stages[0].Decode(codes_BKT.narrow(1, 0, 1));
        for (var k = 1; k < codes_BKT.shape[1]; k++)
        {
            using var part = _stages[k].Decode(codes_BKT.narrow(1, k, 1));
            sum_BTD.add_(part);
        }
        return sum_BTD.MoveToOuterDisposeScope();
    }

    public QuantizedLatent Quantize(Tensor latent_BTD, int[]? booksPerItem = null)
    {
        using var scope = NewDisposeScope();
        var result = QuantizeItems(latent_BTD, booksPerItem);
        return new QuantizedLatent(result.Quantized.MoveToOuterDisposeScope(), result.Codes.MoveToOuterDisposeScope(),
            result.Loss.mean().MoveToOuterDisposeScope());
    }

    /// <summary>As <see cref="Quantize"/>, with the losses of every item summed over its stages.</summary>
    public StageResult QuantizeItems(Tensor latent_BTD, int[]? booksPerItem = null)
    {
        using var scope = NewDisposeScope();
        var residual_BTD = latent_BTD;
        var parts = new List<StageResult>();
        var quantized_BTD = zeros_like(latent_BTD);
        for (var k = 0; k < _stages.Length; k++)
        {
            var part = _stages[k].QuantizeItems(residual_BTD);
            residual_BTD = residual_BTD - part.Quantized; // a dropped stage still leaves its residual to the next one
            if (booksPerItem is not null)
                part = Mask(part, booksPerItem, k);
            quantized_BTD = quantized_BTD + part.Quantized;
            parts.Add(part);
        }
        return new StageResult(quantized_BTD, cat(parts.Select(p => p.Codes).ToList(), 1), Sum(parts, p => p.Commitment),
            Sum(parts, p => p.Codebook), Sum(parts, p => p.Loss)).MoveToOuterDisposeScope();
    }

    /// <summary>What every stage searches with, side by side: its projection of the residual that reaches it.</summary>
    /// <param name="latent_BTD">[B, T, D].</param>
    /// <returns>[B, T, sum of the entries' dimensions].</returns>
    public Tensor Project(Tensor latent_BTD)
    {
        using var scope = NewDisposeScope();
        var residual_BTD = latent_BTD;
        var projected = new List<Tensor>();
        foreach (var stage in _stages)
        {
            projected.Add(stage is VectorQuantizer vector ? vector.Project(residual_BTD) : residual_BTD);
            residual_BTD = residual_BTD - stage.Decode(stage.Encode(residual_BTD));
        }
        return cat(projected, -1).MoveToOuterDisposeScope();
    }

    private static StageResult Mask(StageResult part, int[] booksPerItem, int stage)
    {
        var keep_B = tensor(booksPerItem.Select(n => n > stage ? 1f : 0f).ToArray(), device: part.Quantized.device);
        return part with
        {
            Quantized = part.Quantized * keep_B.view(-1, 1, 1),
            Commitment = part.Commitment * keep_B,
            Codebook = part.Codebook * keep_B,
            Loss = part.Loss * keep_B,
        };
    }

    private static Tensor Sum(List<StageResult> parts, Func<StageResult, Tensor> value) => stack(parts.Select(value)).sum([0L]);
}
