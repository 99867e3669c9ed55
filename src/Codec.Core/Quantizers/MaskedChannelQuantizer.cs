using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Quantizers;

/// <summary>
/// Masked-channel residual quantization (Ji et al. 2024, Language-Codec): the first stages quantize one share of the channels
/// each, the others zeroed; their full-width results are taken off the latent and the remaining stages are ordinary residual ones.
/// </summary>
public sealed class MaskedChannelQuantizer : nn.Module, IQuantizer
{
    private readonly ModuleList<nn.Module> quantizers;
    private readonly IQuantizerStage[] _stages;
    private readonly int _masked;

    /// <param name="stages">One-book quantizers; each a module, owned from now on.</param>
    /// <param name="masked">How many of them see one share of the channels.</param>
    public MaskedChannelQuantizer(IEnumerable<IQuantizerStage> stages, int masked = 3) : base(nameof(MaskedChannelQuantizer))
    {
        _stages = [.. stages];
        ArgumentOutOfRangeException.ThrowIfGreaterThan(masked, _stages.Length);
        _masked = masked;
        quantizers = new ModuleList<nn.Module>([.. _stages.Cast<nn.Module>()]);
        Books = [.. _stages.SelectMany(s => s.Books)];
        RegisterComponents();
    }

    public IReadOnlyList<CodebookSpec> Books { get; }

    public Tensor Encode(Tensor latent_BTD, int? books = null)
    {
        using var scope = NewDisposeScope();
        var residual_BTD = latent_BTD;
        var codes = new List<Tensor>();
        for (var k = 0; k < (books ?? _stages.Length); k++)
        {
            var code_B1T = _stages[k].Encode(k < _masked ? Mask(latent_BTD, k) : residual_BTD);
            codes.Add(code_B1T);
            residual_BTD = residual_BTD - _stages[k].Decode(code_B1T);
        }
        return cat(codes, 1).MoveToOuterDisposeScope();
    }

    public Tensor Decode(Tensor codes_BKT)
    {
        using var scope = NewDisposeScope();
        var sum_BTD = _stages[0].Decode(codes_BKT.narrow(1, 0, 1));
        for (var k = 1; k < codes_BKT.shape[1]; k++)
            sum_BTD = sum_BTD + _stages[k].Decode(codes_BKT.narrow(1, k, 1));
        return sum_BTD.MoveToOuterDisposeScope();
    }

    public QuantizedLatent Quantize(Tensor latent_BTD, int[]? booksPerItem = null)
    {
        using var scope = NewDisposeScope();
        var (residual_BTD, sum_BTD) = (latent_BTD, zeros_like(latent_BTD));
        var (codes, losses) = (new List<Tensor>(), new List<Tensor>());
        for (var k = 0; k < _stages.Length; k++)
        {
            var part = _stages[k].QuantizeItems(k < _masked ? Mask(latent_BTD, k) : residual_BTD);
            residual_BTD = residual_BTD - part.Quantized;
            var keep_B = tensor((booksPerItem ?? [.. Enumerable.Repeat(_stages.Length, (int)latent_BTD.shape[0])])
                .Select(n => n > k ? 1f : 0f).ToArray(), device: latent_BTD.device);
            sum_BTD = sum_BTD + part.Quantized * keep_B.view(-1, 1, 1);
            codes.Add(part.Codes);
            losses.Add((part.Loss * keep_B).mean());
        }
        return new QuantizedLatent(sum_BTD.MoveToOuterDisposeScope(), cat(codes, 1).MoveToOuterDisposeScope(),
            stack(losses).sum().MoveToOuterDisposeScope());
    }

    /// <summary>Share k of the channels; the last share takes what the division leaves.</summary>
    private Tensor Mask(Tensor latent_BTD, int k)
    {
        using var scope = NewDisposeScope();
        var dimension = (int)latent_BTD.shape[2];
        var (start, end) = (k * dimension / _masked, (k + 1) * dimension / _masked);
        var masked_BTD = zeros_like(latent_BTD);
        masked_BTD.narrow(2, start, end - start).copy_(latent_BTD.narrow(2, start, end - start));
        return masked_BTD.MoveToOuterDisposeScope();
    }
}
