using Codec.Core.Checkpoints;

namespace Codec.Core.Codecs.Dac;

/// <summary>An array as NumPy pickles it.</summary>
internal sealed class NumpyArray
{
    public IReadOnlyList<long> Shape { get; private set; } = [];

    /// <summary>NumPy's type string, e.g. "u2".</summary>
    public string Type { get; private set; } = "";

    /// <summary>Little-endian numbers in C order.</summary>
    public byte[] Bytes { get; private set; } = [];

    /// <summary>The elements of an array of objects.</summary>
    public List<object?> Objects { get; private set; } = [];

    /// <param name="file">For messages.</param>
    /// <param name="state">(version, shape, type, Fortran order, data).</param>
    public void Build(string file, object? state)
    {
        if (state is not object?[] { Length: 5 } parts || parts[1] is not object?[] shape || parts[2] is not PickleGlobal type
            || parts[3] is not false || !shape.All(s => s is >= 0L))
            throw new CheckpointException(file, "an array's state is damaged, or in Fortran order");
        Shape = [.. shape.Cast<long>()];
        Type = type.Name;
        if (parts[4] is List<object?> objects)
            Objects = objects;
        else
            Bytes = parts[4] as byte[] ?? throw new CheckpointException(file, "an array holds neither bytes nor objects");
    }

    /// <exception cref="CheckpointException">Another type, or sizes that contradict each other.</exception>
    public T[] Values<T>(string file, string type, Func<ReadOnlyMemory<byte>, T> read, int size)
    {
        long count = 1;
        foreach (var length in Shape)
            count = checked(count * length);
        if (Type != type || Bytes.Length != count * size)
            throw new CheckpointException(file, $"expected {count} values of type {type}, found {Bytes.Length} bytes of type {Type}");
        return [.. Enumerable.Range(0, (int)count).Select(i => read(Bytes.AsMemory(i * size, size)))];
    }
}

/// <summary>What the pickle of a .dac file may name: NumPy arrays and their types.</summary>
internal sealed class NumpyPickleTypes(string file) : IPickleTypes
{
    private static readonly HashSet<string> Names =
        ["numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct", "numpy.ndarray", "numpy.dtype"];

    public bool Allows(string name) => Names.Contains(name);

    public object Call(string name, object?[] arguments) => name switch
    {
        "numpy.dtype" when arguments is [string type, ..] => new PickleGlobal(type),
        "numpy.core.multiarray._reconstruct" or "numpy._core.multiarray._reconstruct" => new NumpyArray(),
        _ => throw new CheckpointException(file, $"refused: the pickle calls {name}"),
    };

    /// <summary>A type's state is its byte order, which must be little-endian or none.</summary>
    public void Build(object? target, object? state)
    {
        if (target is NumpyArray array)
            array.Build(file, state);
        else if (target is not PickleGlobal || state is not object?[] { Length: >= 2 } parts || parts[1] is not ("<" or "|" or "="))
            throw new CheckpointException(file, "refused: the pickle sets the state of something that is no array");
    }

    public object Persistent(object? id) => throw new CheckpointException(file, "refused: the pickle asks for a persistent object");
}
