using static TorchSharp.torch;

namespace Codec.Core.Quantizers;

/// <summary>A quantizer that can be a stage of a residual chain: it reports its loss for every item by itself,
/// because quantizer dropout masks items.</summary>
public interface IQuantizerStage : IQuantizer
{
    /// <param name="latent_BTD">[B, T, D].</param>
    StageResult QuantizeItems(Tensor latent_BTD);
}

/// <summary>What one stage returns in training.</summary>
/// <param name="Quantized">[B, T, D], differentiable by straight-through.</param>
/// <param name="Codes">int64 [B, K, T].</param>
/// <param name="Commitment">[B]: pulls the latent to its code; unweighted.</param>
/// <param name="Codebook">[B]: pulls the code to its latent; unweighted.</param>
/// <param name="Loss">[B]: the weighted sum.</param>
public sealed record StageResult(Tensor Quantized, Tensor Codes, Tensor Commitment, Tensor Codebook, Tensor Loss)
{
    /// <summary>Lifts all tensors out of the current scope.</summary>
    public StageResult MoveToOuterDisposeScope()
    {
        foreach (var tensor in new[] { Quantized, Codes, Commitment, Codebook, Loss }.Distinct(ReferenceEqualityComparer.Instance).Cast<Tensor>())
            tensor.MoveToOuterDisposeScope();
        return this;
    }

    /// <summary>The mean over items.</summary>
    public QuantizedLatent ToLatent() => new(Quantized, Codes, Loss.mean());
}
