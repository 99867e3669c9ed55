using System.Buffers.Binary;
using System.Text;
using Codec.Audio;
using Codec.Core.Checkpoints;

namespace Codec.Core.Codecs.Dac;

/// <summary>
/// The .dac file of the reference tool: a NumPy file that holds one pickled dictionary. Read through an allow-list that
/// builds arrays and plain values only.
/// </summary>
public sealed record DacFile
{
    private const int MaxHeader = 1 << 16;
    private static readonly byte[] Magic = [0x93, .. "NUMPY"u8];

    /// <summary>[K, rows, T]; a row is one channel.</summary>
    public required Codes Codes { get; init; }

    /// <summary>Loudness of the original in dB, one value per item.</summary>
    public required IReadOnlyList<float> InputDb { get; init; }

    /// <summary>Samples per channel.</summary>
    public required long OriginalLength { get; init; }

    /// <summary>Hz of the original.</summary>
    public required int SampleRate { get; init; }

    /// <summary>Frames per chunk.</summary>
    public required int ChunkLength { get; init; }

    public required int Channels { get; init; }

    /// <summary>True for one chunk coded with zero padding; false for chunks coded without.</summary>
    public required bool Padding { get; init; }

    /// <param name="path">File.</param>
    /// <param name="codebookSize">Codes must lie below.</param>
    /// <exception cref="CheckpointException">Unreadable, or not such a file.</exception>
    public static DacFile Read(string path, int codebookSize)
    {
        try
        {
            using var stream = File.OpenRead(path);
            SkipHeader(path, stream);
            var root = new PickleReader(path, stream, new NumpyPickleTypes(path)).Read();
            if (root is not NumpyArray { Objects: [Dictionary<object, object?> outer] } || outer.GetValueOrDefault("codes") is not NumpyArray codes
                || outer.GetValueOrDefault("metadata") is not Dictionary<object, object?> metadata)
                throw new CheckpointException(path, "expected a dictionary of codes and metadata");
            return Build(path, codes, metadata, codebookSize);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or OverflowException)
        {
            throw new CheckpointException(path, $"cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Writes the bytes that the reference tool writes.</summary>
    public void Write(Stream stream)
    {
        var header = "{'descr': '|O', 'fortran_order': False, 'shape': (), }";
        header = header.PadRight((Magic.Length + 4 + header.Length + 1 + 63) / 64 * 64 - Magic.Length - 4 - 1) + "\n";
        stream.Write([.. Magic, 1, 0, (byte)header.Length, (byte)(header.Length >> 8), .. Encoding.Latin1.GetBytes(header)]);
        DacPickle.Write(stream, this);
    }

    private static void SkipHeader(string path, Stream stream)
    {
        Span<byte> start = stackalloc byte[12];
        var read = stream.ReadAtLeast(start, 10, throwOnEndOfStream: false);
        if (read < 10 || !start[..Magic.Length].SequenceEqual(Magic) || start[6] is not (1 or 2) || (start[6] == 2 && read < 12))
            throw new CheckpointException(path, "not a .dac file: expected a NumPy file of version 1 or 2");
        var length = start[6] == 1 ? BinaryPrimitives.ReadUInt16LittleEndian(start[8..]) : BinaryPrimitives.ReadUInt32LittleEndian(start[8..]);
        var begin = start[6] == 1 ? 10 : 12;
        if (length > MaxHeader || begin + length >= stream.Length)
            throw new CheckpointException(path, $"header of {length} bytes does not fit");
        stream.Position = begin + length;
    }

    private static DacFile Build(string path, NumpyArray codes, Dictionary<object, object?> metadata, int codebookSize)
    {
        var values = codes.Values(path, "u2", b => (int)BinaryPrimitives.ReadUInt16LittleEndian(b.Span), sizeof(ushort));
        if (codes.Shape.Count != 3 || codes.Shape.Any(s => s == 0))
            throw new CheckpointException(path, $"codes: expected [rows, books, frames], found [{string.Join(", ", codes.Shape)}]");
        if (values.Max() >= codebookSize)
            throw new CheckpointException(path, $"codes: expected values below {codebookSize}, found {values.Max()}");
        var (rows, books, frames) = ((int)codes.Shape[0], (int)codes.Shape[1], (int)codes.Shape[2]);
        var file = new DacFile
        {
            Codes = new Codes([.. Enumerable.Repeat(new CodebookSpec(codebookSize), books)],
                [.. Enumerable.Range(0, books).Select(k => Enumerable.Range(0, rows).Select(r => values.AsSpan((r * books + k) * frames, frames).ToArray()).ToArray())], frames),
            InputDb = metadata.GetValueOrDefault("input_db") is NumpyArray db
                ? db.Values(path, "f4", b => BinaryPrimitives.ReadSingleLittleEndian(b.Span), sizeof(float))
                : throw new CheckpointException(path, "input_db is absent"),
            OriginalLength = Number(path, metadata, "original_length"), SampleRate = (int)Number(path, metadata, "sample_rate"),
            ChunkLength = (int)Number(path, metadata, "chunk_length"), Channels = (int)Number(path, metadata, "channels"),
            Padding = metadata.GetValueOrDefault("padding") is true,
        };
        if (rows % file.Channels != 0 || file.InputDb.Count != rows / file.Channels)
            throw new CheckpointException(path, $"{rows} rows of codes and {file.InputDb.Count} levels do not fit {file.Channels} channels");
        return file;
    }

    private static long Number(string path, Dictionary<object, object?> metadata, string key)
        => metadata.GetValueOrDefault(key) is long value and > 0 and <= int.MaxValue
            ? value
            : throw new CheckpointException(path, $"{key}: expected a positive number, found {metadata.GetValueOrDefault(key) ?? "nothing"}");
}
