using Codec.Core.Kernels;
using static TorchSharp.torch;

namespace Codec.Core.Layers;

/// <summary>Turns all layers of a module to products of 16-bit numbers, see <see cref="IReducibleLayer"/>.</summary>
internal static class ReducedLayers
{
    /// <summary>Whether this processor has the instructions.</summary>
    public static bool AreSupported => PairTile.Supports(PairNumbers.BFloat) && PairTile.Supports(PairNumbers.Integer);

    /// <summary>Where the instructions are missing, layers stay as they are.</summary>
    /// <param name="modules">Layers in them must not have run yet.</param>
    public static void Use(params ReadOnlySpan<nn.Module> modules)
    {
        if (!AreSupported)
            return;
        foreach (var module in modules)
            foreach (var layer in module.modules().OfType<IReducibleLayer>())
                layer.Reduce();
    }
}
