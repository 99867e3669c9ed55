using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;

namespace Codec.Core.Tokens;

/// <summary>NumPy's npz: a zip of arrays. The JSON of a recording is an array of bytes.</summary>
internal static class NumpyTokens
{
    private const string JsonEntry = "json";

    public static void Write(Stream stream, IEnumerable<TokenizedAudio> recordings)
    {
        var taken = new HashSet<string>();
        using var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
        foreach (var recording in recordings)
        {
            var key = TokenFile.UniqueKey(recording.Source, taken);
            var json = JsonSerializer.SerializeToUtf8Bytes(recording with { Codes = null }, TokenizedAudio.Json);
            Add(zip, $"{key}/{JsonEntry}", entry => NumpyArray.Write(entry, json));
            for (var k = 0; k < recording.Codes!.Length; k++)
            {
                var book = recording.Codes[k];
                Add(zip, string.Create(CultureInfo.InvariantCulture, $"{key}/book{k}"), entry => NumpyArray.Write(entry, book));
            }
        }
    }

    public static IEnumerable<TokenizedAudio> Read(string path)
    {
        using var zip = Open(path);
        foreach (var entry in zip.Entries.Where(e => e.FullName.EndsWith($"/{JsonEntry}.npy", StringComparison.Ordinal)))
        {
            var key = entry.FullName[..^$"/{JsonEntry}.npy".Length];
            var recording = TokenFile.Parse(Encoding.UTF8.GetString(Use(entry, path, NumpyArray.ReadBytes)), $"{path}, {entry.FullName}");
            var codes = new int[recording.BookSizes.Count][][];
            for (var k = 0; k < codes.Length; k++)
            {
                var name = string.Create(CultureInfo.InvariantCulture, $"{key}/book{k}.npy");
                var book = zip.GetEntry(name) ?? throw new TokenFileException(path, $"array {name} is missing");
                codes[k] = Use(book, path, NumpyArray.ReadIntegers);
            }
            yield return recording with { Codes = codes };
        }
    }

    private static void Add(ZipArchive zip, string name, Action<Stream> write)
    {
        using var entry = zip.CreateEntry(name + ".npy", CompressionLevel.Fastest).Open();
        write(entry);
    }

    private static ZipArchive Open(string path)
    {
        try
        {
            return ZipFile.OpenRead(path);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw new TokenFileException(path, e is FileNotFoundException or DirectoryNotFoundException ? "no such file" : e.Message, e);
        }
    }

    private static T Use<T>(ZipArchiveEntry entry, string path, Func<Stream, long, T> read)
    {
        try
        {
            using var stream = entry.Open();
            return read(stream, entry.Length);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or FormatException or OverflowException)
        {
            throw new TokenFileException(path, $"array {entry.FullName}: {e.Message}", e);
        }
    }
}
