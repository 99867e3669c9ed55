using System.Text.Json;
using Codec.Audio;
using Codec.Core.Checkpoints;

namespace Codec.Core.Codecs;

/// <summary>The configuration that came with a checkpoint: inside it, or in a JSON file beside it.</summary>
internal static class CheckpointConfig
{
    private const int MaxBytes = 1 << 20;
    private static readonly string[] FileNames = ["config.json", "model_config.json"];

    /// <summary>The first object that holds a field of that name; null where there is none.</summary>
    /// <param name="checkpoint">Where to look.</param>
    /// <param name="field">A field that only the wanted configuration has.</param>
    /// <exception cref="ConfigException">A file beside it is no JSON.</exception>
    public static JsonElement? Find(Checkpoint checkpoint, params string[] field)
    {
        foreach (var value in checkpoint.Metadata.Values)
            if (FindObject(value, field, 0) is { } inside)
                return inside;
        foreach (var name in FileNames)
            if (checkpoint.Sibling(name) is { } path && Read(path) is var json && HasAny(json, field))
                return json;
        return null;
    }

    private static JsonElement? FindObject(object? value, string[] field, int depth)
    {
        if (value is not Dictionary<object, object?> dictionary || depth > 4)
            return null;
        if (field.Any(dictionary.ContainsKey))
            return ToJson(dictionary, 0);
        foreach (var inner in dictionary.Values)
            if (FindObject(inner, field, depth + 1) is { } found)
                return found;
        return null;
    }

    private static JsonElement ToJson(Dictionary<object, object?> dictionary, int depth)
        => JsonSerializer.SerializeToElement(dictionary.ToDictionary(p => p.Key.ToString() ?? "", p => Plain(p.Value, depth)));

    /// <summary>Numbers, strings and lists; whatever else a pickle holds is left out.</summary>
    private static object? Plain(object? value, int depth) => value switch
    {
        string or bool or long or int or double or null => value,
        _ when depth > 8 => null,
        Dictionary<object, object?> inner => ToJson(inner, depth + 1),
        List<object?> list => list.Select(v => Plain(v, depth + 1)).ToArray(),
        object?[] tuple => tuple.Select(v => Plain(v, depth + 1)).ToArray(),
        _ => null,
    };

    private static bool HasAny(JsonElement json, string[] field)
        => json.ValueKind == JsonValueKind.Object && field.Any(f => json.TryGetProperty(f, out _));

    private static JsonElement Read(string path)
    {
        try
        {
            if (new FileInfo(path).Length > MaxBytes)
                throw new ConfigException($"{path}: expected a configuration of at most {MaxBytes} bytes, found {new FileInfo(path).Length}");
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return document.RootElement.Clone();
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new ConfigException($"{path}: {e.Message}", e);
        }
    }
}
