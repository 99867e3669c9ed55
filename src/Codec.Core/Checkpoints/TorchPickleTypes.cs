using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Codec.Core.Checkpoints;

/// <summary>What a PyTorch pickle may name: storages, tensors and plain containers.</summary>
/// <param name="file">For messages.</param>
/// <param name="storage">Turns the five fields of a storage's persistent id into that storage.</param>
internal sealed class TorchPickleTypes(string file, Func<TorchStorage, TorchStorage> storage) : IPickleTypes
{
    private static readonly HashSet<string> Calls =
    [
        "collections.OrderedDict", "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter",
        "torch.Size", "torch.device", "_codecs.encode", "builtins.set", "__builtin__.set", "builtins.dict", "builtins.list",
        "numpy.dtype", "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar",
    ];

    private static readonly HashSet<string> Values =
    [
        "torch.float64", "torch.float32", "torch.float16", "torch.bfloat16", "torch.int64", "torch.int32", "torch.int16", "torch.int8", "torch.uint8", "torch.bool",
    ];

    public bool Allows(string name) => Calls.Contains(name) || Values.Contains(name) || IsStorage(name, out _);

    public object? Call(string name, object?[] arguments) => name switch
    {
        "collections.OrderedDict" or "builtins.dict" => Pairs(arguments),
        "builtins.set" or "__builtin__.set" or "builtins.list" or "torch.Size" => arguments.Length == 0 ? [] : Items(Argument<object>(arguments, 0)).ToList(),
        "torch._utils._rebuild_tensor" or "torch._utils._rebuild_tensor_v2" => TorchTensor.Rebuild(file, arguments),
        "torch._utils._rebuild_parameter" => Argument<TorchTensor>(arguments, 0),
        "torch.device" => string.Join(":", arguments),
        "_codecs.encode" => Encoding.Latin1.GetBytes(Argument<string>(arguments, 0)),
        "numpy.dtype" => new PickleGlobal("numpy.dtype:" + Argument<string>(arguments, 0)),
        "numpy.core.multiarray.scalar" or "numpy._core.multiarray.scalar" => Scalar(Argument<PickleGlobal>(arguments, 0).Name, Argument<byte[]>(arguments, 1)),
        _ => throw new CheckpointException(file, $"refused: the pickle calls {name}"),
    };

    /// <summary>State carries only attributes of containers, parameters and types, none of which is read.</summary>
    public void Build(object? target, object? state)
    {
        if (target is not (Dictionary<object, object?> or TorchTensor or PickleGlobal))
            throw new CheckpointException(file, $"refused: the pickle sets the state of {target?.GetType().Name ?? "nothing"}");
    }

    /// <summary>("storage", class, key, device, number of elements).</summary>
    public object Persistent(object? id)
    {
        if (id is not object?[] { Length: >= 5 } fields || fields[0] is not "storage" || fields[1] is not PickleGlobal type
            || !IsStorage(type.Name, out var dtype) || fields[4] is not long elements || elements < 0)
            throw new CheckpointException(file, "refused: the pickle asks for a persistent object that is no storage");
        var key = Convert.ToString(fields[2], CultureInfo.InvariantCulture) ?? "";
        return storage(new TorchStorage(key, dtype, elements));
    }

    private static bool IsStorage(string name, out TorchSharp.torch.ScalarType dtype)
    {
        dtype = default;
        return name.StartsWith("torch.", StringComparison.Ordinal) && ElementTypes.FromStorage(name["torch.".Length..], out dtype);
    }

    private static Dictionary<object, object?> Pairs(object?[] arguments)
    {
        if (arguments.Length == 0)
            return [];
        if (arguments[0] is Dictionary<object, object?> source)
            return new Dictionary<object, object?>(source);
        return Items(arguments[0]).Select(pair => Items(pair).ToArray()).ToDictionary(pair => Argument<object>(pair, 0), pair => pair.ElementAtOrDefault(1));
    }

    private static T Argument<T>(object?[] arguments, int index) where T : class
        => arguments.ElementAtOrDefault(index) as T ?? throw new FormatException($"argument {index} is no {typeof(T).Name}");

    private static IEnumerable<object?> Items(object? container) => container switch
    {
        object?[] tuple => tuple,
        List<object?> list => list,
        _ => throw new FormatException("a container was expected"),
    };

    private static object Scalar(string dtype, byte[] bytes) => dtype["numpy.dtype:".Length..] switch
    {
        "f8" => BinaryPrimitives.ReadDoubleLittleEndian(bytes),
        "f4" => (double)BinaryPrimitives.ReadSingleLittleEndian(bytes),
        "i8" => BinaryPrimitives.ReadInt64LittleEndian(bytes),
        "i4" => (long)BinaryPrimitives.ReadInt32LittleEndian(bytes),
        "b1" => bytes.Length > 0 && bytes[0] != 0,
        var other => throw new FormatException($"numpy scalar of type {other}"),
    };
}
