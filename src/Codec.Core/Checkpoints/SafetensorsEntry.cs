using System.Text.Json;
using static TorchSharp.torch;

namespace Codec.Core.Checkpoints;

/// <summary>One tensor of a safetensors header; offsets count from the end of the header.</summary>
internal sealed record SafetensorsEntry(string Name, ScalarType Dtype, long[] Shape, long Start, long End)
{
    public static SafetensorsEntry Parse(string path, JsonProperty property, long dataLength)
    {
        var name = property.Name;
        var dtypeName = Member(path, property, "dtype").GetString() ?? "";
        if (!ElementTypes.FromSafetensors(dtypeName, out var dtype))
            throw new CheckpointException(path, $"tensor {name}: element type {dtypeName} is not supported");
        var shape = Integers(path, name, Member(path, property, "shape"));
        var offsets = Integers(path, name, Member(path, property, "data_offsets"));
        if (offsets.Length != 2 || offsets[0] < 0 || offsets[1] < offsets[0] || offsets[1] > dataLength)
            throw new CheckpointException(path, $"tensor {name}: data offsets {CheckpointTensor.Describe(offsets)} lie outside the {dataLength} bytes of data");
        var expected = ElementTypes.Bytes(dtype, shape);
        if (expected != offsets[1] - offsets[0])
            throw new CheckpointException(path, $"tensor {name}: {dtypeName} {CheckpointTensor.Describe(shape)} takes {expected?.ToString() ?? "too many"} bytes, found {offsets[1] - offsets[0]}");
        return new SafetensorsEntry(name, dtype, shape, offsets[0], offsets[1]);
    }

    private static JsonElement Member(string path, JsonProperty property, string member)
        => property.Value.ValueKind == JsonValueKind.Object && property.Value.TryGetProperty(member, out var value)
            ? value
            : throw new CheckpointException(path, $"tensor {property.Name}: {member} is absent from the header");

    private static long[] Integers(string path, string name, JsonElement array)
        => array.EnumerateArray()
            .Select(item => item.TryGetInt64(out var value)
                ? value
                : throw new CheckpointException(path, $"tensor {name}: {item.GetRawText()} is no 64-bit integer"))
            .ToArray();
}
