using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Quantizers;

/// <summary>Gradients through a choice that has none.</summary>
public static class StraightThrough
{
    /// <summary>Value <paramref name="quantized"/>, gradient of <paramref name="x"/>.</summary>
    public static Tensor Copy(Tensor x, Tensor quantized)
    {
        using var scope = NewDisposeScope();
        return (x + (quantized - x).detach()).MoveToOuterDisposeScope();
    }

    /// <summary>Rounds half to even; gradient 1.</summary>
    public static Tensor Round(Tensor x)
    {
        using var scope = NewDisposeScope();
        return (x + (x.round() - x).detach()).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The rotation trick (Fifty et al. 2024, arXiv 2410.06424, eq. 4): x is rotated and scaled onto its code by a
    /// map that counts as constant, so the gradient turns with it.
    /// </summary>
    /// <param name="x_ND">[..., D].</param>
    /// <param name="quantized_ND">[..., D].</param>
    /// <returns>The value of <paramref name="quantized_ND"/> up to rounding.</returns>
    public static Tensor Rotate(Tensor x_ND, Tensor quantized_ND)
    {
        using var scope = NewDisposeScope();
        var q = quantized_ND.detach();
        var normX = x_ND.detach().norm(-1, keepdim: true);
        var normQ = q.norm(-1, keepdim: true);
        var u = x_ND.detach() / normX.clamp(1e-6);
        var v = q / normQ.clamp(1e-6);
        var w = F.normalize(u + v, dim: -1, eps: 1e-6);
        var reflected = x_ND - 2 * (x_ND * w).sum(-1, keepdim: true) * w + 2 * (x_ND * u).sum(-1, keepdim: true) * v;
        return (reflected * (normQ / normX.clamp(1e-6))).MoveToOuterDisposeScope();
    }
}
