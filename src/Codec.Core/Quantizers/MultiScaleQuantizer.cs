using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Quantizers;

/// <summary>
/// Residual quantization at several time scales (Siuzdak et al. 2024, SNAC): a stage of stride m averages m frames of the
/// residual, codes the mean, and repeats it m times. Books have different lengths, so codes are one tensor per book.
/// </summary>
public sealed class MultiScaleQuantizer : nn.Module
{
    private readonly ModuleList<nn.Module> quantizers;
    private readonly IQuantizerStage[] _stages;
    private readonly int[] _strides;

    /// <param name="stages">One-book quantizers, coarse first; each a module, owned from now on.</param>
    /// <param name="strides">Frames per code of each.</param>
    public MultiScaleQuantizer(IEnumerable<IQuantizerStage> stages, IEnumerable<int> strides) : base(nameof(MultiScaleQuantizer))
    {
        (_stages, _strides) = ([.. stages], [.. strides]);
        ArgumentOutOfRangeException.ThrowIfNotEqual(_strides.Length, _stages.Length, nameof(strides));
        quantizers = new ModuleList<nn.Module>([.. _stages.Cast<nn.Module>()]);
        Books = [.. _stages.Select((s, i) => s.Books[0] with { Stride = _strides[i] })];
        RegisterComponents();
    }

    public IReadOnlyList<CodebookSpec> Books { get; }

    /// <param name="latent_BTD">T a multiple of every stride.</param>
    /// <param name="books">How many; null = all.</param>
    /// <returns>Per book int64 [B, T / stride].</returns>
    public Tensor[] Encode(Tensor latent_BTD, int? books = null)
    {
        using var scope = NewDisposeScope();
        var residual_BTD = latent_BTD.alias();
        var codes = new Tensor[books ?? _stages.Length];
        for (var k = 0; k < codes.Length; k++)
        {
            var code_B1T = _stages[k].Encode(Pool(residual_BTD, _strides[k]));
            codes[k] = code_B1T.squeeze(1).MoveToOuterDisposeScope();
            if (k + 1 < codes.Length)
                residual_BTD = residual_BTD - Repeat(_stages[k].Decode(code_B1T), _strides[k]);
        }
        return codes;
    }

    /// <param name="codes_BT">Per book int64 [B, T / stride]; a prefix of the books is enough.</param>
    /// <returns>[B, T, D].</returns>
    public Tensor Decode(IReadOnlyList<Tensor> codes_BT)
    {
        using var scope = NewDisposeScope();
        var sum_BTD = DecodeStage(0, codes_BT[0]);
        for (var k = 1; k < codes_BT.Count; k++)
            sum_BTD = sum_BTD + DecodeStage(k, codes_BT[k]);
        return sum_BTD.MoveToOuterDisposeScope();
    }

    /// <summary>What one book adds, at the full rate.</summary>
    public Tensor DecodeStage(int book, Tensor codes_BT)
    {
        using var scope = NewDisposeScope();
        return Repeat(_stages[book].Decode(codes_BT.unsqueeze(1)), _strides[book]).MoveToOuterDisposeScope();
    }

    /// <summary>Training: the sum [B, T, D] by straight-through, and the mean loss.</summary>
    public (Tensor Quantized, Tensor Loss) Quantize(Tensor latent_BTD)
    {
        using var scope = NewDisposeScope();
        var residual_BTD = latent_BTD;
        var (sum_BTD, loss) = (zeros_like(latent_BTD), zeros([], device: latent_BTD.device));
        for (var k = 0; k < _stages.Length; k++)
        {
            var part = _stages[k].QuantizeItems(Pool(residual_BTD, _strides[k]));
            var value_BTD = Repeat(part.Quantized, _strides[k]);
            (residual_BTD, sum_BTD, loss) = (residual_BTD - value_BTD, sum_BTD + value_BTD, loss + part.Loss.mean());
        }
        return (sum_BTD.MoveToOuterDisposeScope(), loss.MoveToOuterDisposeScope());
    }

    private static Tensor Pool(Tensor x_BTD, int stride)
        => stride == 1 ? x_BTD : x_BTD.reshape(x_BTD.shape[0], x_BTD.shape[1] / stride, stride, x_BTD.shape[2]).mean([2]);

    private static Tensor Repeat(Tensor x_BTD, int stride) => stride == 1 ? x_BTD : x_BTD.repeat_interleave(stride, 1);
}
