using System.Text.Json;
using System.Text.Json.Nodes;
using Codec.Core.Bitstream;

namespace Codec.Speech.Repair;

/// <summary>The wish of whoever made a file that its decoder make up the books that were not sent: a member of the file's tags, which other decoders pass over.</summary>
public static class RegenerationTag
{
    private const string Name = "regenerate";

    /// <summary>Tags with the wish.</summary>
    /// <param name="tags">A JSON object, or empty.</param>
    public static string AddTo(string tags)
    {
        var json = tags.Length == 0 ? [] : JsonNode.Parse(tags)!.AsObject();
        json[Name] = true;
        return json.ToJsonString();
    }

    /// <summary>Whether a file carries it.</summary>
    public static bool IsIn(CodecFileHeader header)
    {
        if (header.Tags.Length == 0)
            return false;
        try
        {
            using var json = JsonDocument.Parse(header.Tags);
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty(Name, out var value) && value.ValueKind == JsonValueKind.True;
        }
        catch (JsonException)
        {
            return false; // somebody's tags need not concern us
        }
    }
}
