using System.Text.Json;
using Codec.Audio;

namespace Codec.Core.Codecs;

/// <summary>JSON files beside checkpoints.</summary>
internal static class JsonFile
{
    /// <exception cref="ConfigException">Unreadable, or no JSON.</exception>
    public static JsonElement Read(string path)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            return json.RootElement.Clone();
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new ConfigException($"{path}: {e.Message}", e);
        }
    }
}
