using static TorchSharp.torch;

namespace Codec.Core.Kernels;

/// <summary>The parameters of a Snake activation as <see cref="SnakeKernel"/> reads them; a snapshot.</summary>
internal sealed unsafe class SnakePattern
{
    private const double Epsilon = 1e-9; // keeps 1 / alpha finite, as in the published models

    /// <param name="alpha">C values.</param>
    public SnakePattern(Tensor alpha)
    {
        var values = ChannelPattern.Values(alpha);
        Alpha = ChannelPattern.Of(values);
        Inverse = ChannelPattern.Of(Array.ConvertAll(values, v => (float)(1 / (v + Epsilon))));
    }

    /// <summary>See <see cref="ChannelPattern.Of"/>.</summary>
    public float[] Alpha { get; }

    /// <summary>1 / alpha.</summary>
    public float[] Inverse { get; }

    /// <summary>Whole rows, on the calling thread; from and to may be the same.</summary>
    public void Run(float* from, float* to, long count) => SnakeKernel.Range(from, to, 0, count, Alpha, Inverse);
}
