using Codec.Core.Kernels;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Layers;

/// <summary>Periodic activation x + sin(alpha x)^2 / alpha with a learned alpha per channel (Ziyin et al. 2020).
/// Checkpoint key: alpha [1, C, 1].</summary>
public sealed class Snake : nn.Module<Tensor, Tensor>
{
    private const double Epsilon = 1e-9; // keeps 1 / alpha finite, as in the published models

    private readonly Parameter alpha;

    public Snake(int channels) : base(nameof(Snake))
    {
        alpha = new Parameter(ones(1, channels, 1));
        RegisterComponents();
    }

    /// <param name="x_BCT">Features.</param>
    /// <returns>Same shape and layout.</returns>
    public override Tensor forward(Tensor x_BCT)
    {
        using var scope = NewDisposeScope();
        if (ChannelsLast.Applies(x_BCT) && x_BCT.dtype == ScalarType.Float32)
            return SnakeKernel.Run(x_BCT, alpha).MoveToOuterDisposeScope();
        return (x_BCT + (alpha * x_BCT).sin().square() / (alpha + Epsilon)).MoveToOuterDisposeScope();
    }

    internal Parameter Alpha => alpha;

    /// <summary>The same, overwriting <paramref name="x_BCT"/> where that is possible (inference); else a new tensor.</summary>
    public Tensor ForwardInPlace(Tensor x_BCT)
        => ChannelsLast.Applies(x_BCT) && ChannelsLast.Is(x_BCT) && x_BCT.dtype == ScalarType.Float32
            ? SnakeKernel.RunInPlace(x_BCT, alpha)
            : forward(x_BCT);
}
