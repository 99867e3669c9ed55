using System.IO.Compression;
using System.Text;

namespace Codec.Core.Tokens;

/// <summary>NumPy's npz: a zip of arrays. The JSON of a recording is an array of bytes.</summary>
internal static class NumpyTokens
{
    public const string JsonEntry = "json", Extension = ".npy";

    public static IEnumerable<TokenizedAudio> Read(string path)
    {
        using var zip = Open(path);
        foreach (var entry in zip.Entries.Where(e => e.FullName.EndsWith($"/{JsonEntry}{Extension}", StringComparison.Ordinal)))
        {
            var key = entry.FullName[..^$"/{JsonEntry}{Extension}".Length];
            var recording = TokenFile.Parse(Encoding.UTF8.GetString(Use(entry, path, NumpyArray.ReadBytes)), $"{path}, {entry.FullName}");
            var codes = new int[recording.BookSizes.Count][][];
            for (var k = 0; k < codes.Length; k++)
            {
                var name = TokenFile.BookName(key, k) + Extension;
                var book = zip.GetEntry(name) ?? throw new TokenFileException(path, $"array {name} is missing");
                codes[k] = Use(book, path, NumpyArray.ReadIntegers);
            }
            yield return recording with { Codes = codes };
        }
    }

    private static ZipArchive Open(string path)
    {
        ZipArchive? zip = null;
        try
        {
            zip = ZipFile.OpenRead(path);
            _ = zip.Entries; // read now: a damaged directory is told here
            return zip;
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            zip?.Dispose();
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
