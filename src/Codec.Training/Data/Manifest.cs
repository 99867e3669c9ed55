using System.Text.Json;
using Codec.Audio;

namespace Codec.Training.Data;

/// <summary>One line of a manifest: an audio file and what is known of it.</summary>
/// <param name="Path">Absolute path.</param>
/// <param name="Source">Data set.</param>
/// <param name="Speaker">Speaker label, or empty.</param>
/// <param name="Text">Transcript, or null.</param>
public sealed record ManifestEntry(string Path, string Source, string Speaker, string? Text = null);

/// <summary>JSON-Lines manifests: one object a line with at least <c>path</c>, relative to the manifest.</summary>
public static class Manifest
{
    /// <exception cref="ConfigException">The file is missing, or a line is no object with a path.</exception>
    public static IReadOnlyList<ManifestEntry> Read(string path)
    {
        if (!File.Exists(path))
            throw new ConfigException($"{path}: expected a manifest or a folder of audio, found nothing");
        var folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;
        var entries = new List<ManifestEntry>();
        var number = 0;
        foreach (var line in File.ReadLines(path))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line))
                continue;
            try
            {
                using var json = JsonDocument.Parse(line);
                string? Field(string name) => json.RootElement.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
                var file = Field("path") ?? throw new ConfigException($"{path}, line {number}: expected a field path, found none");
                entries.Add(new ManifestEntry(System.IO.Path.GetFullPath(file, folder), Field("source") ?? "", Field("speaker") ?? "", Field("text")));
            }
            catch (JsonException)
            {
                throw new ConfigException($"{path}, line {number}: expected a JSON object");
            }
        }
        return entries;
    }
}
