using Codec.Core.Checkpoints;

namespace Codec.Core.Bitstream.Interop;

/// <summary>A NumPy array out of a pickle.</summary>
internal sealed class NumpyArray
{
    public int[] Shape { get; set; } = [];

    /// <summary>As NumPy spells it: u2, f4, O8...</summary>
    public string Type { get; set; } = "";

    /// <summary>Elements, row-major, low byte first; empty for objects.</summary>
    public byte[] Bytes { get; set; } = [];

    /// <summary>Elements of an object array.</summary>
    public List<object?>? Items { get; set; }
}

/// <summary>An element type out of a pickle.</summary>
internal sealed class NumpyType(string name)
{
    public string Name { get; } = name;

    public string Order { get; set; } = "<";
}

/// <summary>The three names that a pickled NumPy array asks for.</summary>
internal sealed class NumpyPickleTypes : IPickleTypes
{
    public bool Allows(string name)
        => name is "numpy.core.multiarray._reconstruct" or "numpy._core.multiarray._reconstruct" or "numpy.ndarray" or "numpy.dtype";

    public object? Call(string name, object?[] arguments)
        => name == "numpy.dtype" && arguments is [string type, ..] ? new NumpyType(type)
        : name.EndsWith("_reconstruct", StringComparison.Ordinal) ? new NumpyArray()
        : throw new ArgumentException($"{name} is not called like this");

    /// <summary>Arrays: (version, shape, type, column-major, contents). Types: (version, byte order, ...).</summary>
    public void Build(object? target, object? state)
    {
        switch (target, state)
        {
            case (NumpyType type, object?[] { Length: >= 2 } fields):
                type.Order = (string)fields[1]!;
                break;
            case (NumpyArray array, object?[] { Length: 5 } fields):
                Fill(array, fields);
                break;
            default:
                throw new ArgumentException("state of an unknown object");
        }
    }

    public object? Persistent(object? id) => throw new ArgumentException("persistent ids are not used");

    private static void Fill(NumpyArray array, object?[] fields)
    {
        var type = (NumpyType)fields[2]!;
        if ((bool)fields[3]! || type.Order is not ("<" or "|"))
            throw new ArgumentException("only row-major little-endian arrays are read");
        array.Shape = [.. ((object?[])fields[1]!).Select(size => checked((int)(long)size!))];
        array.Type = type.Name;
        if (fields[4] is List<object?> items)
        {
            array.Items = items;
            return;
        }
        array.Bytes = (byte[])fields[4]!;
        var width = type.Name is "u2" ? 2L : type.Name is "f4" ? 4L : throw new ArgumentException($"elements of type {type.Name}");
        long expected = width;
        foreach (var size in array.Shape)
            expected = checked(expected * (size >= 0 ? size : throw new ArgumentException("negative size")));
        if (expected != array.Bytes.Length)
            throw new ArgumentException($"expected {expected} bytes of elements, found {array.Bytes.Length}");
    }
}
