using Codec.Core.Kernels;

namespace Codec.Core.Layers;

/// <summary>What numbers the products of a training step on a CPU are made of. Sums, weights, norms and losses are float32 whatever it says.</summary>
public static class TrainingPrecision
{
    [ThreadStatic] private static bool _reduced;

    /// <summary>Whether layers that this thread runs, forwards and backwards, round both sides of their products to bfloat16. Stays false where the processor has no instruction for it.</summary>
    public static bool Reduced
    {
        get => _reduced;
        set => _reduced = value && PairTile.Supports(PairNumbers.BFloat);
    }
}
