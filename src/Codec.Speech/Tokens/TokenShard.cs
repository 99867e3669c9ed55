using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using System.Text.Json;
using Codec.Audio;
using Codec.Core;

namespace Codec.Speech.Tokens;

/// <summary>What a shard knows of one recording.</summary>
/// <param name="Name">Of its file.</param>
/// <param name="Speaker">Label, or empty.</param>
/// <param name="Text">Transcript, or null.</param>
/// <param name="Frames">Base frames.</param>
/// <param name="Offset">First code of the recording, counted in codes from the start of the data.</param>
public sealed record TokenItem(string Name, string Speaker, string? Text, int Frames, long Offset);

/// <summary>
/// Codes of many recordings in one file that is mapped, not read: 8 bytes "CODTOK1\n", the length of a JSON header (uint32, little
/// endian), the header, then the codes as uint16, item after item, book after book. Thread-safe.
/// </summary>
public sealed class TokenShard : IDisposable
{
    private const int MaxHeader = 1 << 28;
    private static readonly byte[] Magic = "CODTOK1\n"u8.ToArray();
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly long _data;

    private TokenShard(string path, Header header, long data)
    {
        (Books, Codec, Items, _data) = (header.Books.Select(b => new CodebookSpec(b[0], b[1])).ToArray(), header.Codec, header.Items, data);
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        _view = _file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
    }

    public IReadOnlyList<CodebookSpec> Books { get; }

    /// <summary>Name and weight hash of the codec that made the codes.</summary>
    public string Codec { get; }

    public IReadOnlyList<TokenItem> Items { get; }

    /// <summary>Maps a shard.</summary>
    /// <exception cref="ConfigException">No shard, or a damaged one.</exception>
    public static TokenShard Open(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            var start = new byte[12];
            if (stream.ReadAtLeast(start, 12, throwOnEndOfStream: false) < 12 || !start.AsSpan(0, 8).SequenceEqual(Magic))
                throw new ConfigException($"{path}: expected a token shard, found another file");
            var length = BinaryPrimitives.ReadUInt32LittleEndian(start.AsSpan(8));
            if (length > MaxHeader || length > stream.Length - 12)
                throw new ConfigException($"{path}: header of {length} bytes in a file of {stream.Length}");
            var json = new byte[length];
            stream.ReadExactly(json);
            var header = JsonSerializer.Deserialize<Header>(json) ?? throw new ConfigException($"{path}: empty header");
            Check(path, header, (stream.Length - 12 - length) / 2);
            return new TokenShard(path, header, 12 + length);
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException)
        {
            throw new ConfigException($"{path}: {e.Message}", e);
        }
    }

    /// <summary>Writes a shard to a temporary name, then renames it.</summary>
    /// <param name="codec">Name and weight hash of the codec.</param>
    /// <param name="items">One row of codes each.</param>
    /// <exception cref="ArgumentException">No items, or items of different codecs.</exception>
    public static void Write(string path, string codec, IReadOnlyList<(string Name, string Speaker, string? Text, Codes Codes)> items)
    {
        ArgumentOutOfRangeException.ThrowIfZero(items.Count);
        var specs = items[0].Codes.Specs;
        List<TokenItem> index = [];
        long offset = 0;
        foreach (var (name, speaker, text, codes) in items)
        {
            if (!codes.Specs.SequenceEqual(specs) || codes.Batch != 1)
                throw new ArgumentException($"{name}: books differ from those of {items[0].Name}", nameof(items));
            index.Add(new TokenItem(name, speaker, text, codes.Frames, offset));
            offset += Enumerable.Range(0, codes.Books).Sum(k => (long)codes[k].Length);
        }
        var header = JsonSerializer.SerializeToUtf8Bytes(new Header(codec, specs.Select(s => new[] { s.Size, s.Stride }).ToArray(), index.ToArray()));
        var temporary = path + ".partial";
        using (var stream = new BufferedStream(File.Create(temporary), 1 << 20))
        {
            stream.Write(Magic);
            Span<byte> word = stackalloc byte[4];
            BinaryPrimitives.WriteUInt32LittleEndian(word, (uint)header.Length);
            stream.Write(word);
            stream.Write(header);
            foreach (var item in items)
                for (var k = 0; k < item.Codes.Books; k++)
                    foreach (var code in item.Codes[k])
                    {
                        BinaryPrimitives.WriteUInt16LittleEndian(word, checked((ushort)code));
                        stream.Write(word[..2]);
                    }
        }
        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>Codes of a stretch of a recording: [K][..].</summary>
    /// <param name="item">Index.</param>
    /// <param name="start">First base frame, a multiple of the largest stride.</param>
    /// <param name="frames">Base frames; cut at the end of the recording.</param>
    /// <exception cref="ConfigException">A code outside its book: the file is damaged.</exception>
    public int[][] Read(int item, int start, int frames)
    {
        var entry = Items[item];
        frames = Math.Min(frames, entry.Frames - start);
        var codes = new int[Books.Count][];
        var at = entry.Offset;
        for (var k = 0; k < codes.Length; k++)
        {
            var stride = Books[k].Stride;
            codes[k] = new int[Count(frames, stride)];
            for (var t = 0; t < codes[k].Length; t++)
            {
                var code = _view.ReadUInt16(_data + 2 * (at + start / stride + t));
                if (code >= Books[k].Size)
                    throw new ConfigException($"{entry.Name}: code {code} in book {k} of {Books[k].Size}");
                codes[k][t] = code;
            }
            at += Count(entry.Frames, stride);
        }
        return codes;
    }

    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
    }

    private static int Count(int frames, int stride) => (frames + stride - 1) / stride;

    private static void Check(string path, Header header, long codes)
    {
        if (header.Books.Length == 0 || header.Books.Any(b => b.Length != 2 || b[0] is < 1 or > 65536 || b[1] < 1))
            throw new ConfigException($"{path}: expected books of 1 to 65536 codes with strides, found others");
        foreach (var item in header.Items)
        {
            var count = item.Frames < 0 ? -1 : header.Books.Sum(b => (long)Count(item.Frames, b[1]));
            if (count < 0 || item.Offset < 0 || item.Offset > codes - count)
                throw new ConfigException($"{path}: {item.Name}: {item.Frames} frames at {item.Offset} in {codes} codes");
        }
    }

    private sealed record Header(string Codec, int[][] Books, TokenItem[] Items);
}
