using System.IO.Compression;
using System.Text.Json;
using Codec.Audio;

namespace Codec.Core.Tokens;

/// <summary>Writes npz.</summary>
internal sealed class NumpyTokenWriter(AtomicFile file) : TokenWriter(file)
{
    /// <summary>The first that a zip can say: the same codes give the same bytes at any time.</summary>
    private static readonly DateTimeOffset Stamp = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly ZipArchive _zip = new(file.Stream, ZipArchiveMode.Create, leaveOpen: true);
    private readonly HashSet<string> _taken = [];

    public override void Dispose()
    {
        try
        {
            _zip.Dispose();
        }
        catch (OutputFileException)
        {
            // The directory of an archive that is not wanted any more: the disk may be full.
        }
        base.Dispose();
    }

    private protected override void Write(TokenizedAudio recording, int[][][] codes)
    {
        var key = TokenFile.UniqueKey(recording.Source, _taken);
        var json = JsonSerializer.SerializeToUtf8Bytes(recording with { Codes = null }, TokenizedAudio.Json);
        Add($"{key}/{NumpyTokens.JsonEntry}", entry => NumpyArray.Write(entry, json));
        for (var k = 0; k < codes.Length; k++)
        {
            var book = codes[k];
            Add(TokenFile.BookName(key, k), entry => NumpyArray.Write(entry, book));
        }
    }

    private protected override void Finish() => _zip.Dispose();

    private void Add(string name, Action<Stream> write)
    {
        var entry = _zip.CreateEntry(name + NumpyTokens.Extension, CompressionLevel.Fastest);
        entry.LastWriteTime = Stamp;
        using var stream = entry.Open();
        write(stream);
    }
}
