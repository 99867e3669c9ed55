using static TorchSharp.torch;

namespace Codec.Core.Checkpoints;

/// <summary>Copies checkpoint tensors into a module after checking every key, shape and type.</summary>
internal static class ModuleLoader
{
    private const int KeysShown = 24;

    public static void Load(Checkpoint checkpoint, nn.Module module, Func<string, string?> rename)
    {
        var targets = module.state_dict();
        var sources = Check(checkpoint, module.GetName(), targets.ToDictionary(p => p.Key, p => (p.Value.dtype, (IReadOnlyList<long>)p.Value.shape)), rename);
        using var none = no_grad();
        foreach (var (key, source) in sources)
        {
            using var value = source.Load();
            targets[key].copy_(value);
        }
    }

    /// <summary>The checkpoint tensors for named targets.</summary>
    /// <param name="checkpoint">Has exactly these.</param>
    /// <param name="name">Of what is loaded, for the message.</param>
    /// <param name="targets">Types and shapes by key.</param>
    /// <param name="rename">Checkpoint key to target; null = ignore the tensor.</param>
    /// <exception cref="CheckpointException">Lists all missing, unexpected and misshapen keys together.</exception>
    public static Dictionary<string, CheckpointTensor> Check(Checkpoint checkpoint, string name,
        IReadOnlyDictionary<string, (ScalarType Dtype, IReadOnlyList<long> Shape)> targets, Func<string, string?> rename)
    {
        var sources = Match(checkpoint, targets, rename, out var unexpected);
        var missing = targets.Keys.Where(key => !sources.ContainsKey(key)).ToArray();
        var misshapen = sources
            .Where(pair => targets.TryGetValue(pair.Key, out var target) && !Fits(pair.Value, target.Dtype, target.Shape))
            .Select(pair => $"{pair.Key} (expected {targets[pair.Key].Dtype} {CheckpointTensor.Describe(targets[pair.Key].Shape)}, "
                + $"found {pair.Value.Dtype} {CheckpointTensor.Describe(pair.Value.Shape)})")
            .ToArray();
        if (missing.Length + unexpected.Count + misshapen.Length > 0)
            throw new CheckpointException(checkpoint.FilePath, Report(name, missing, unexpected, misshapen))
            {
                Missing = missing, Unexpected = unexpected, Misshapen = misshapen,
            };
        return sources;
    }

    /// <summary>Checkpoint tensors by module key. Raw weight-norm pairs are preferred where the module itself has them.</summary>
    private static Dictionary<string, CheckpointTensor> Match(
        Checkpoint checkpoint, IReadOnlyDictionary<string, (ScalarType Dtype, IReadOnlyList<long> Shape)> targets, Func<string, string?> rename, out List<string> unexpected)
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

    private static bool Fits(CheckpointTensor source, ScalarType dtype, IReadOnlyList<long> shape)
        => source.Shape.SequenceEqual(shape)
            && (source.Dtype == dtype || (ElementTypes.IsReal(source.Dtype) && ElementTypes.IsReal(dtype)));

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
