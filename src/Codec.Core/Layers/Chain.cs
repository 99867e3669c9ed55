using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Layers;

/// <summary>Runs modules one after another and frees every intermediate result at once.</summary>
public static class Chain
{
    /// <param name="x">Input; stays the caller's.</param>
    /// <param name="steps">Each maps its input to a fresh tensor.</param>
    public static Tensor Run(Tensor x, IEnumerable<Func<Tensor, Tensor>> steps)
    {
        var y = x.alias();
        foreach (var step in steps)
        {
            var next = step(y);
            if (!ReferenceEquals(next, y))
                y.Dispose();
            y = next;
        }
        return y;
    }

    /// <summary>The same for modules.</summary>
    public static Tensor Run(Tensor x, params IEnumerable<nn.Module<Tensor, Tensor>> modules)
        => Run(x, modules.Select(m => (Func<Tensor, Tensor>)m.forward));
}
