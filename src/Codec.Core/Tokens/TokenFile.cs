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

    /// <summary>Writes recordings as they come; the file appears when all are there.</summary>
    /// <param name="path">The extension decides the format.</param>
    /// <param name="recordings">Enumerated once. Those of safetensors are held in memory until the end.</param>
    /// <param name="overwrite">False: an existing file is an error.</param>
    /// <exception cref="ConfigException">An extension of another kind.</exception>
    /// <exception cref="OutputFileException">The file cannot be written.</exception>
    public static void Write(string path, IEnumerable<TokenizedAudio> recordings, bool overwrite = true)
    {
        Action<Stream> fill = Format(path) switch
        {
            ".jsonl" => stream => WriteLines(stream, recordings),
            ".npz" => stream => NumpyTokens.Write(stream, recordings),
            _ => stream => SafetensorsTokens.Write(stream, recordings),
        };
        AtomicFile.Write(path, fill, overwrite);
    }

    /// <summary>One JSON object a line.</summary>
    public static void WriteLines(Stream stream, IEnumerable<TokenizedAudio> recordings)
    {
        foreach (var recording in recordings)
        {
            JsonSerializer.Serialize(stream, recording, TokenizedAudio.Json);
            stream.WriteByte((byte)'\n');
        }
    }

    /// <summary>Reads recordings one by one.</summary>
    /// <exception cref="TokenFileException">Missing, damaged, or not ours.</exception>
    /// <exception cref="ConfigException">An extension of another kind.</exception>
    public static IEnumerable<TokenizedAudio> Read(string path) => Format(path) switch
    {
        ".jsonl" => ReadLines(path),
        ".npz" => NumpyTokens.Read(path),
        _ => SafetensorsTokens.Read(path),
    };

    /// <summary>A name for arrays: of the source, made unique.</summary>
    internal static string UniqueKey(string source, HashSet<string> taken)
    {
        var stem = Path.GetFileNameWithoutExtension(source);
        stem = stem.Length == 0 ? "audio" : stem;
        var key = stem;
        for (var n = 2; !taken.Add(key); n++)
            key = $"{stem}-{n}";
        return key;
    }

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

    private static string Format(string path)
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
