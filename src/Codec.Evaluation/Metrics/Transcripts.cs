using System.Text.Json;
using Codec.Audio;

namespace Codec.Evaluation.Metrics;

/// <summary>What was said in which file: lines of {"path": ..., "text": ...}. Other members are ignored, lines without a text as well.</summary>
public sealed class Transcripts
{
    private readonly Dictionary<string, string> _texts = new(StringComparer.Ordinal);

    /// <summary>Tells whether it is the same file again.</summary>
    internal string Fingerprint { get; private init; } = "";

    /// <exception cref="ConfigException">Missing, no JSON lines, or no text in it.</exception>
    public static Transcripts Load(string path)
    {
        var result = new Transcripts { Fingerprint = Conditions.FileStamp.Of(path) };
        var number = 0;
        try
        {
            foreach (var line in File.ReadLines(path))
            {
                number++;
                if (line.Length > 0)
                    result.Add(line);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException)
        {
            throw new ConfigException($"{path}, line {number}: expected lines of {{\"path\": ..., \"text\": ...}} ({e.Message})", e);
        }
        return result._texts.Count > 0 ? result : throw new ConfigException($"{path}: expected lines of {{\"path\": ..., \"text\": ...}}, found no text");
    }

    private void Add(string line)
    {
        using var document = JsonDocument.Parse(line);
        if (document.RootElement.TryGetProperty("path", out var path) && document.RootElement.TryGetProperty("text", out var text)
            && path.GetString() is { } file && text.GetString() is { } said)
            _texts[file] = _texts[Path.GetFileName(file)] = said; // the manifest may count paths from another folder
    }

    /// <summary>Words in lower case without punctuation; empty where the file has no transcript.</summary>
    /// <param name="file">Path below the reference folder.</param>
    public string[] Words(string? file)
        => file is not null && (_texts.GetValueOrDefault(file) ?? _texts.GetValueOrDefault(Path.GetFileName(file))) is { } text ? Normalise(text) : [];

    /// <summary>Letters, digits and apostrophes within words count; everything else parts words.</summary>
    public static string[] Normalise(string text)
        => [.. new string([.. text.ToLowerInvariant().Select(c => char.IsLetterOrDigit(c) || c == '\'' ? c : ' ')])
            .Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word => word.Trim('\'')).Where(word => word.Length > 0)];
}
