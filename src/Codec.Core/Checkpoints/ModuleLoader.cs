using static TorchSharp.torch;

namespace Codec.Core.Checkpoints;

/// <summary>Copies checkpoint tensors into a module after checking every key, shape and type.</summary>
internal static class ModuleLoader
{
    private const int KeysShown = 24;

    public static void Load(Checkpoint checkpoint, nn.Module module, Func<string, string?> rename)
    {
        var targets = module.state_dict();
        var sources = Match(checkpoint, targets, rename, out var unexpected);
        var missing = targets.Keys.Where(key => !sources.ContainsKey(key)).ToArray();
        var misshapen = sources
            .Where(pair => targets.TryGetValue(pair.Key, out var target) && !Fits(pair.Value, target))
            .Select(pair => $"{pair.Key} (expected {targets[pair.Key].dtype} {CheckpointTensor.Describe(targets[pair.Key].shape)}, "
                + $"found {pair.Value.Dtype} {CheckpointTensor.Describe(pair.Value.Shape)})")
            .ToArray();
        if (missing.Length + unexpected.Count + misshapen.Length > 0)
            throw new CheckpointException(checkpoint.FilePath, Report(module.GetName(), missing, unexpected, misshapen))
            {
                Missing = missing, Unexpected = unexpected, Misshapen = misshapen,
            };
        using var none = no_grad();
        foreach (var (key, source) in sources)
        {
            using var value = source.Load();
            targets[key].copy_(value);
        }
    }

    /// <summary>Checkpoint tensors by module key. Raw weight-norm pairs are preferred where the module itself has them.</summary>
    private static Dictionary<string, CheckpointTensor> Match(
        Checkpoint checkpoint, Dictionary<string, Tensor> targets, Func<string, string?> rename, out List<string> unexpected)
    {
        var keepsPairs = targets.Keys.Any(WeightNorm.IsPart);
        var view = keepsPairs ? checkpoint.Tensors.Values : WeightNorm.Fold(checkpoint.Tensors.Values);
        var sources = new Dictionary<string, CheckpointTensor>();
        unexpected = [];
        foreach (var tensor in view)
        {
            var key = rename(tensor.Name);
            if (key is null)
                continue;
            if (!targets.ContainsKey(key) || !sources.TryAdd(key, tensor))
                unexpected.Add(tensor.Name);
        }
        return sources;
    }

    private static bool Fits(CheckpointTensor source, Tensor target)
        => source.Shape.SequenceEqual(target.shape)
            && (source.Dtype == target.dtype || (ElementTypes.IsReal(source.Dtype) && ElementTypes.IsReal(target.dtype)));

    private static string Report(string module, IReadOnlyList<string> missing, IReadOnlyList<string> unexpected, IReadOnlyList<string> misshapen)
    {
        var parts = new[] { Part("missing", missing), Part("unexpected", unexpected), Part("misshapen", misshapen) };
        return $"does not fit {module}: {string.Join("; ", parts.Where(p => p.Length > 0))}";
    }

    private static string Part(string what, IReadOnlyList<string> keys)
    {
        if (keys.Count == 0)
            return "";
        var rest = keys.Count > KeysShown ? $" and {keys.Count - KeysShown} more" : "";
        return $"{what} {string.Join(", ", keys.Take(KeysShown))}{rest}";
    }
}
