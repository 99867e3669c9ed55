using static TorchSharp.torch;

namespace Codec.Core.Checkpoints;

/// <summary>
/// Weight normalisation (Salimans and Kingma 2016), stored as magnitude g and direction v: weight = g v / ||v||, the norm
/// over all axes but the first, for transposed convolutions too. Inference needs the product only.
/// </summary>
public static class WeightNorm
{
    private static readonly (string Magnitude, string Direction)[] Spellings =
    [
        (".weight_g", ".weight_v"),
        (".parametrizations.weight.original0", ".parametrizations.weight.original1"),
    ];

    /// <summary>True for a key that names one half of a pair.</summary>
    public static bool IsPart(string key) => Spellings.Any(s => key.EndsWith(s.Magnitude, StringComparison.Ordinal) || key.EndsWith(s.Direction, StringComparison.Ordinal));

    /// <summary>All tensors, with every pair replaced by one ".weight" that is computed when loaded.</summary>
    public static IEnumerable<CheckpointTensor> Fold(IEnumerable<CheckpointTensor> tensors)
    {
        var byName = tensors.ToDictionary(t => t.Name);
        foreach (var tensor in byName.Values)
        {
            if (FindPair(byName, tensor.Name) is not var (prefix, magnitude, direction))
                yield return tensor;
            else if (ReferenceEquals(tensor, direction))
                yield return new CheckpointTensor(prefix + ".weight", direction.Dtype, direction.Shape, () => Product(magnitude, direction));
        }
    }

    /// <summary>g v / ||v||.</summary>
    /// <param name="magnitude">[N, 1, ...].</param>
    /// <param name="direction">[N, ...].</param>
    public static Tensor Fold(Tensor magnitude, Tensor direction)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        var g = magnitude.to_type(ScalarType.Float32);
        var v = direction.to_type(ScalarType.Float32);
        var axes = Enumerable.Range(1, (int)v.dim() - 1).Select(axis => (long)axis).ToArray();
        var norm = v.square().sum(axes, keepdim: true).sqrt();
        return (v * (g / norm)).MoveToOuterDisposeScope();
    }

    private static (string Prefix, CheckpointTensor Magnitude, CheckpointTensor Direction)? FindPair(
        Dictionary<string, CheckpointTensor> byName, string name)
    {
        foreach (var (g, v) in Spellings)
            foreach (var ending in new[] { g, v })
            {
                if (!name.EndsWith(ending, StringComparison.Ordinal))
                    continue;
                var prefix = name[..^ending.Length];
                if (byName.TryGetValue(prefix + g, out var magnitude) && byName.TryGetValue(prefix + v, out var direction)
                    && magnitude.Elements == direction.Shape.FirstOrDefault() && !byName.ContainsKey(prefix + ".weight"))
                    return (prefix, magnitude, direction);
            }
        return null;
    }

    private static Tensor Product(CheckpointTensor magnitude, CheckpointTensor direction)
    {
        using var g = magnitude.Load();
        using var v = direction.Load();
        return Fold(g, v);
    }
}
