using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Layers;

/// <summary>Parameters of packed convolutions, uniform in [-bound, bound] as libtorch's own convolutions start.</summary>
internal static class PackedInit
{
    /// <returns>[first, second, kernel] over memory [first, kernel, second].</returns>
    public static Parameter Weight(int first, int second, int kernel, double bound)
    {
        using var values = empty(first, kernel, second).uniform_(-bound, bound);
        using var view = values.transpose(1, 2);
        return new Parameter(view.DetachFromDisposeScope());
    }

    public static Parameter Bias(int size, double bound) => new(empty(size).uniform_(-bound, bound));
}
