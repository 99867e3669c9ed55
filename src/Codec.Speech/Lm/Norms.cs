using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Speech.Lm;

/// <summary>x * weight / sqrt(mean(x^2) + eps) over the last axis (arXiv 1910.07467).</summary>
public sealed class RmsNorm : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly double _eps;

    public RmsNorm(int dim, double eps) : base(nameof(RmsNorm))
    {
        weight = new Parameter(ones(dim));
        _eps = eps;
        RegisterComponents();
    }

    /// <returns>Same shape.</returns>
    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var scale = x.square().mean([-1], keepdim: true).add_(_eps).rsqrt_();
        return (x * scale * weight).MoveToOuterDisposeScope();
    }
}

/// <summary>Learned factor per channel.</summary>
public sealed class LayerScale : nn.Module<Tensor, Tensor>
{
    private readonly Parameter scale;

    public LayerScale(int dim, double initial = 0.01) : base(nameof(LayerScale))
    {
        scale = new Parameter(full(dim, initial));
        RegisterComponents();
    }

    /// <returns>Same shape.</returns>
    public override Tensor forward(Tensor x) => x * scale;
}
