using Codec.Core.Kernels;

namespace Codec.Core.Layers;

/// <summary>A layer that can compute with products of 16-bit numbers on a processor, see <see cref="PairConv"/>.</summary>
internal interface IReducibleLayer
{
    /// <summary>From now on; to be called before the layer runs.</summary>
    void Reduce();
}
