using static TorchSharp.torch;

namespace Codec.Core.Checkpoints;

/// <summary>Element types as checkpoint formats name them.</summary>
internal static class ElementTypes
{
    private static readonly Dictionary<string, ScalarType> Safetensors = new()
    {
        ["F64"] = ScalarType.Float64, ["F32"] = ScalarType.Float32, ["F16"] = ScalarType.Float16, ["BF16"] = ScalarType.BFloat16,
        ["I64"] = ScalarType.Int64, ["I32"] = ScalarType.Int32, ["I16"] = ScalarType.Int16, ["I8"] = ScalarType.Int8,
        ["U8"] = ScalarType.Byte, ["BOOL"] = ScalarType.Bool, ["C64"] = ScalarType.ComplexFloat32,
    };

    private static readonly Dictionary<string, ScalarType> Storages = new()
    {
        ["DoubleStorage"] = ScalarType.Float64, ["FloatStorage"] = ScalarType.Float32, ["HalfStorage"] = ScalarType.Float16,
        ["BFloat16Storage"] = ScalarType.BFloat16, ["LongStorage"] = ScalarType.Int64, ["IntStorage"] = ScalarType.Int32,
        ["ShortStorage"] = ScalarType.Int16, ["CharStorage"] = ScalarType.Int8, ["ByteStorage"] = ScalarType.Byte,
        ["BoolStorage"] = ScalarType.Bool, ["ComplexFloatStorage"] = ScalarType.ComplexFloat32,
    };

    public static bool FromSafetensors(string name, out ScalarType dtype) => Safetensors.TryGetValue(name, out dtype);

    public static string? ToSafetensors(ScalarType dtype) => Safetensors.FirstOrDefault(pair => pair.Value == dtype).Key;

    /// <summary>From the name of a PyTorch storage class.</summary>
    public static bool FromStorage(string name, out ScalarType dtype) => Storages.TryGetValue(name, out dtype);

    public static int Size(ScalarType dtype) => dtype switch
    {
        ScalarType.Float64 or ScalarType.Int64 or ScalarType.ComplexFloat32 => 8,
        ScalarType.Float32 or ScalarType.Int32 => 4,
        ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Int16 => 2,
        ScalarType.Int8 or ScalarType.Byte or ScalarType.Bool => 1,
        _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "no checkpoint element type"),
    };

    public static bool IsReal(ScalarType dtype)
        => dtype is ScalarType.Float64 or ScalarType.Float32 or ScalarType.Float16 or ScalarType.BFloat16;

    /// <summary>Bytes of a dense tensor; null where a dimension is negative or the product overflows.</summary>
    public static long? Bytes(ScalarType dtype, IReadOnlyList<long> shape)
    {
        var bytes = (Int128)Size(dtype);
        foreach (var size in shape)
        {
            if (size < 0 || (bytes *= size) > long.MaxValue)
                return null;
        }
        return (long)bytes;
    }
}
