using System.Text.Json;
using Codec.Audio;

namespace Codec.Core.Codecs;

/// <summary>Fields of somebody else's configuration: several spellings, defaults, unknown fields ignored, wrong types named.</summary>
public sealed class JsonFields
{
    private readonly JsonElement _json;

    /// <exception cref="ConfigException">Not an object.</exception>
    public JsonFields(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object)
            throw new ConfigException($"configuration: expected an object, found {json.ValueKind}");
        _json = json;
    }

    public bool Has(string name) => Find([name]) is not null;

    /// <summary>A nested object.</summary>
    public JsonFields? ObjectOrNull(string name) => Find([name]) is { ValueKind: JsonValueKind.Object } value ? new JsonFields(value) : null;

    /// <summary>A nested object, or these fields themselves.</summary>
    public JsonFields ObjectOrThis(string name) => ObjectOrNull(name) ?? this;

    public int Int(string name, int fallback) => IntOrNull([name]) ?? fallback;

    public int Int(string[] names, int fallback) => IntOrNull(names) ?? fallback;

    public int? IntOrNull(params string[] names)
    {
        if (Find(names) is not { } value)
            return null;
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? number : throw Wrong(names[0], "an integer", value);
    }

    public double Double(string name, double fallback)
    {
        if (Find([name]) is not { } value)
            return fallback;
        if (value.ValueKind is JsonValueKind.True or JsonValueKind.False)
            return value.GetBoolean() ? 1 : 0;
        return value.ValueKind == JsonValueKind.Number ? value.GetDouble() : throw Wrong(name, "a number", value);
    }

    public bool Flag(string name, bool fallback)
    {
        if (Find([name]) is not { } value)
            return fallback;
        return value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Wrong(name, "true or false", value);
    }

    public string Text(string name, string fallback)
    {
        if (Find([name]) is not { } value)
            return fallback;
        return value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Wrong(name, "a string", value);
    }

    public IReadOnlyList<int> Ints(string name, IReadOnlyList<int> fallback) => Ints([name], fallback);

    public IReadOnlyList<int> Ints(string[] names, IReadOnlyList<int> fallback)
        => Find(names) is { } value ? Integers(names[0], value) : fallback;

    /// <summary>One number for all, or one each.</summary>
    public IReadOnlyList<int> IntOrInts(string name, int fallback, int count)
    {
        if (Find([name]) is not { } value)
            return [.. Enumerable.Repeat(fallback, count)];
        return value.ValueKind == JsonValueKind.Array ? Integers(name, value) : [.. Enumerable.Repeat(Int(name, fallback), count)];
    }

    /// <summary>A list of lists.</summary>
    public IReadOnlyList<IReadOnlyList<int>> IntLists(string name, IReadOnlyList<IReadOnlyList<int>> fallback)
        => Find([name]) is { } value ? [.. Items(name, value).Select(v => Integers(name, v))] : fallback;

    public IReadOnlyList<double> Doubles(string name, IReadOnlyList<double> fallback)
        => Find([name]) is { } value
            ? [.. Items(name, value).Select(v => v.ValueKind == JsonValueKind.Number ? v.GetDouble() : throw Wrong(name, "numbers", v))]
            : fallback;

    private static IReadOnlyList<int> Integers(string name, JsonElement value)
        => [.. Items(name, value).Select(v => v.ValueKind == JsonValueKind.Number && v.TryGetInt32(out var n) ? n : throw Wrong(name, "integers", v))];

    private static IEnumerable<JsonElement> Items(string name, JsonElement value)
        => value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : throw Wrong(name, "a list", value);

    private JsonElement? Find(string[] names)
    {
        foreach (var name in names)
            if (_json.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null)
                return value;
        return null;
    }

    private static ConfigException Wrong(string name, string expected, JsonElement value)
        => new($"{name}: expected {expected}, found {value.GetRawText()}");
}
