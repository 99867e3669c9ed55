namespace Codec.Core.Checkpoints;

/// <summary>
/// Tensors and plain values of an unpickled file. A state dictionary below one of the usual names is taken out of its
/// wrapper (Lightning's state_dict, audiocraft's best_state); other nested dictionaries join their names with dots.
/// </summary>
internal sealed class TorchContents
{
    private const int MaxDepth = 12;
    private static readonly string[] Wrappers = ["state_dict", "best_state", "model_state_dict", "model"];
    private readonly List<CheckpointTensor> _tensors = [];
    private readonly Dictionary<string, object?> _metadata = [];
    private readonly HashSet<object> _path = new(ReferenceEqualityComparer.Instance);
    private int _visited;

    private TorchContents()
    {
    }

    public IReadOnlyList<CheckpointTensor> Tensors => _tensors;

    public IReadOnlyDictionary<string, object?> Metadata => _metadata;

    public static TorchContents Split(string path, object? root)
    {
        var contents = new TorchContents();
        if (root is TorchTensor single)
        {
            contents._tensors.Add(single.Named("tensor"));
            return contents;
        }
        if (root is not Dictionary<object, object?> dictionary)
            throw new CheckpointException(path, $"expected a dictionary of tensors, found {root?.GetType().Name ?? "nothing"}");
        for (var depth = 0; depth < MaxDepth && Wrapped(dictionary) is { } inner; depth++)
        {
            foreach (var (key, value) in dictionary)
                if (!ReferenceEquals(value, inner))
                    contents._metadata.TryAdd(Name(key), value);
            dictionary = inner;
        }
        contents.Walk(path, dictionary, "", 0);
        if (contents._tensors.GroupBy(t => t.Name).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new CheckpointException(path, $"tensor {twice.Key} is there twice");
        return contents;
    }

    private static Dictionary<object, object?>? Wrapped(Dictionary<object, object?> dictionary)
    {
        if (dictionary.Values.Any(value => value is TorchTensor))
            return null;
        foreach (var wrapper in Wrappers)
            if (dictionary.TryGetValue(wrapper, out var value) && value is Dictionary<object, object?> inner && inner != dictionary)
                return inner;
        return null;
    }

    private void Walk(string path, Dictionary<object, object?> dictionary, string prefix, int depth)
    {
        // A pickle can share one dictionary a thousandfold or put it into itself.
        if (depth > MaxDepth || !_path.Add(dictionary) || ++_visited > 100_000)
            throw new CheckpointException(path, "pickle is damaged: dictionaries are nested without end");
        foreach (var (key, value) in dictionary)
        {
            var name = prefix + Name(key);
            if (value is TorchTensor tensor)
                _tensors.Add(tensor.Named(name));
            else if (value is Dictionary<object, object?> inner && HoldsTensors(inner))
                Walk(path, inner, name + ".", depth + 1);
            else
                _metadata.TryAdd(name, value);
        }
        _path.Remove(dictionary);
    }

    private static bool HoldsTensors(Dictionary<object, object?> dictionary)
        => dictionary.Values.Any(value => value is TorchTensor || (value is Dictionary<object, object?> inner && inner.Values.Any(v => v is TorchTensor)));

    private static string Name(object key) => Convert.ToString(key, System.Globalization.CultureInfo.InvariantCulture) ?? "";
}
