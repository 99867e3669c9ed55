using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Codec.Audio;

namespace Codec.Core.Codecs;

/// <summary>
/// The part of YAML that published model configurations use: nested maps by indentation, scalars, inline and dashed lists of
/// scalars, comments. Anything else is refused.
/// </summary>
internal static class MiniYaml
{
    private const int MaxBytes = 1 << 20;

    /// <exception cref="ConfigException">Too long, or a line that is not understood.</exception>
    /// <param name="path">A file.</param>
    /// <param name="keys">Outermost keys to read, see <see cref="Sections"/>; none for all.</param>
    public static JsonElement ReadFile(string path, params IReadOnlyCollection<string> keys)
    {
        if (new FileInfo(path).Length > MaxBytes)
            throw new ConfigException($"{path}: expected a configuration of at most {MaxBytes} bytes");
        var lines = File.ReadAllLines(path);
        return Parse(path, keys.Count == 0 ? lines : Sections(lines, keys));
    }

    /// <summary>The same lines, with those of all other outermost keys left empty: what is not needed may be any YAML.</summary>
    public static IReadOnlyList<string> Sections(IReadOnlyList<string> lines, IReadOnlyCollection<string> keys)
    {
        var wanted = false;
        return [.. lines.Select(line =>
        {
            if (line.Length > 0 && !char.IsWhiteSpace(line[0]) && line[0] is not ('#' or '-'))
                wanted = keys.Contains(line.Split(':', 2)[0].Trim());
            return wanted ? line.TrimEnd('\r') : "";
        })];
    }

    /// <param name="name">For messages.</param>
    /// <param name="lines">Text.</param>
    public static JsonElement Parse(string name, IReadOnlyList<string> lines)
    {
        var root = new JsonObject();
        var open = new Stack<(int Indent, JsonNode Node)>();
        open.Push((-1, root));
        (JsonObject Parent, string Key)? waiting = null; // a key whose value follows on the next lines
        for (var i = 0; i < lines.Count; i++)
        {
            var text = StripComment(lines[i]).TrimEnd();
            if (text.Length == 0 || text is "---")
                continue;
            var indent = text.Length - text.TrimStart().Length;
            text = text.TrimStart();
            if (waiting is { } place && (indent > open.Peek().Indent || text.StartsWith("- ", StringComparison.Ordinal)) && place.Parent[place.Key] is null)
            {
                JsonNode child = text.StartsWith("- ", StringComparison.Ordinal) ? new JsonArray() : new JsonObject();
                place.Parent[place.Key] = child;
                open.Push((indent, child));
            }
            waiting = null;
            while (open.Peek().Indent > indent || (open.Peek().Node is JsonArray && !text.StartsWith("- ", StringComparison.Ordinal)))
                open.Pop();
            if (open.Peek().Node is JsonArray list && text.StartsWith("- ", StringComparison.Ordinal))
                list.Add(Scalar(text[2..].Trim()));
            else if (open.Peek().Node is JsonObject map && text.Split(':', 2) is [var key, var value])
            {
                map[key.Trim()] = value.Trim().Length == 0 ? null : Value(value.Trim());
                if (value.Trim().Length == 0)
                    waiting = (map, key.Trim());
                if (open.Peek().Indent < 0)
                    open.Push((indent, map));
            }
            else
                throw new ConfigException($"{name}, line {i + 1}: expected \"key: value\", found {text[..Math.Min(40, text.Length)]}");
        }
        return JsonSerializer.SerializeToElement(root);
    }

    private static JsonNode? Value(string text)
        => text.StartsWith('[') && text.EndsWith(']')
            ? new JsonArray([.. text[1..^1].Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(Scalar)])
            : Scalar(text);

    private static JsonNode? Scalar(string text) => text switch
    {
        "null" or "~" => null,
        "true" or "True" => true,
        "false" or "False" => false,
        _ when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) => whole,
        _ when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) => real,
        _ => text.Trim('"', '\''),
    };

    private static string StripComment(string line)
    {
        var at = line.IndexOf(" #", StringComparison.Ordinal);
        return line.StartsWith('#') ? "" : at >= 0 ? line[..at] : line;
    }
}
