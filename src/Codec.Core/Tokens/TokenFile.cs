using System.Globalization;
using System.Text.Json;
using Codec.Audio;

namespace Codec.Core.Tokens;

/// <summary>
/// Codes of recordings in formats that others read: JSON Lines (one recording a line), NumPy's npz and safetensors
/// (arrays KEY/bookK, int32 [streams, codes], and the rest as JSON under KEY).
/// </summary>
public static class TokenFile
{
    /// <summary>Extensions of the formats.</summary>
    public static IReadOnlyList<string> Extensions { get; } = [".jsonl", ".npz", ".safetensors"];

    /// <summary>Reads recordings one by one.</summary>
    /// <exception cref="TokenFileException">Missing, damaged, or not ours.</exception>
    /// <exception cref="ConfigException">An extension of another kind.</exception>
    public static IEnumerable<TokenizedAudio> Read(string path) => Format(path) switch
    {
        ".jsonl" => ReadLines(path),
        ".npz" => NumpyTokens.Read(path),
        _ => SafetensorsTokens.Read(path),
    };

    /// <summary>The name of a source's file without folder and extension, numbered where it is taken.</summary>
    public static string UniqueKey(string source, HashSet<string> taken)
    {
        var stem = Path.GetFileNameWithoutExtension(source);
        stem = stem.Length == 0 ? "audio" : stem;
        var key = stem;
        for (var n = 2; !taken.Add(key); n++)
            key = $"{stem}-{n}";
        return key;
    }

    /// <summary>Of the array of one book.</summary>
    internal static string BookName(string key, int book) => string.Create(CultureInfo.InvariantCulture, $"{key}/book{book}");

    internal static TokenizedAudio Parse(string json, string file)
    {
        try
        {
            return JsonSerializer.Deserialize<TokenizedAudio>(json, TokenizedAudio.Json) ?? throw new TokenFileException(file, "expected a recording, found null");
        }
        catch (JsonException e)
        {
            throw new TokenFileException(file, $"not a recording's JSON: {e.Message}", e);
        }
    }

    internal static string Format(string path)
    {
        var extension = Path.GetExtension(path).ToLowerInvariant();
        return Extensions.Contains(extension) ? extension
            : throw new ConfigException($"{path}: expected a name that ends in {string.Join(", ", Extensions)}, found '{extension}'");
    }

    private static IEnumerable<TokenizedAudio> ReadLines(string path)
    {
        using var reader = Open(path);
        var number = 0;
        while (ReadLine(reader, path) is { } line)
        {
            number++;
            if (line.Length > 0)
                yield return Parse(line, $"{path}, line {number}");
        }
    }

    private static StreamReader Open(string path)
    {
        try
        {
            return new StreamReader(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TokenFileException(path, e is FileNotFoundException or DirectoryNotFoundException ? "no such file" : e.Message, e);
        }
    }

    private static string? ReadLine(StreamReader reader, string path)
    {
        try
        {
            return reader.ReadLine();
        }
        catch (IOException e)
        {
            throw new TokenFileException(path, e.Message, e);
        }
    }
}
