using System.Buffers.Binary;
using System.Text;
using Codec.Core.Checkpoints;

namespace Codec.Core.Bitstream.Interop;

/// <summary>
/// DAC's own file format: a NumPy file around a pickled dictionary with 16-bit codes. Read through the allow-list pickle reader,
/// which can build arrays and plain values and nothing else.
/// </summary>
public sealed record DacFile
{
    /// <summary>One item per row of the file (channels of all items), [rows, books, frames].</summary>
    public required Codes Codes { get; init; }

    /// <summary>Loudness of the input before it was set to the codec's level.</summary>
    public required float InputDb { get; init; }

    /// <summary>Samples per channel.</summary>
    public required long OriginalLength { get; init; }

    /// <summary>Hz.</summary>
    public required int SampleRate { get; init; }

    /// <summary>Frames of one chunk.</summary>
    public required int ChunkFrames { get; init; }

    public required int Channels { get; init; }

    /// <summary>True: one chunk, coded with the usual padding; false: chunks without padding.</summary>
    public required bool Padding { get; init; }

    public string Version { get; init; } = "1.0.0";

    private static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', 1, 0];

    /// <param name="bytes">The whole file.</param>
    /// <param name="codebookSize">Entries of a codebook, which the file does not say: 1024 in the published models.</param>
    /// <exception cref="BitstreamException">Damaged or not this format.</exception>
    public static DacFile Read(byte[] bytes, int codebookSize = 1024)
    {
        if (!bytes.AsSpan().StartsWith(Magic) || bytes.Length < 10)
            throw new BitstreamException("magic", 0, "a NumPy file of version 1", Convert.ToHexString(bytes.AsSpan(0, Math.Min(8, bytes.Length))));
        var start = 10 + BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(8));
        if (start > bytes.Length)
            throw new BitstreamException("NumPy header", 8, $"at most {bytes.Length - 10} bytes", $"{start - 10}");
        object? root;
        try
        {
            using var stream = new MemoryStream(bytes, start, bytes.Length - start);
            root = new PickleReader("NumPy object", stream, new NumpyPickleTypes()).Read();
        }
        catch (CheckpointException e)
        {
            throw new BitstreamException("pickle", start, "a dictionary of arrays and numbers", e.Message);
        }
        try
        {
            return FromDictionary((Dictionary<object, object?>)((NumpyArray)root!).Items!.Single()!, codebookSize);
        }
        catch (Exception e) when (e is InvalidCastException or KeyNotFoundException or NullReferenceException or InvalidOperationException
            or ArgumentException or OverflowException)
        {
            throw new BitstreamException("pickle", start, "codes and metadata as DAC writes them", e.Message);
        }
    }

    private static DacFile FromDictionary(Dictionary<object, object?> root, int codebookSize)
    {
        var metadata = (Dictionary<object, object?>)root["metadata"]!;
        var level = (NumpyArray)metadata["input_db"]!;
        int Number(string key) => checked((int)(long)metadata[key]!);
        return new DacFile
        {
            Codes = ToCodes((NumpyArray)root["codes"]!, codebookSize),
            InputDb = level.Type == "f4" ? BinaryPrimitives.ReadSingleLittleEndian(level.Bytes) : throw new ArgumentException("input_db is no float32"),
            OriginalLength = (long)metadata["original_length"]!,
            SampleRate = Number("sample_rate"),
            ChunkFrames = Number("chunk_length"),
            Channels = Number("channels"),
            Padding = (bool)metadata["padding"]!,
            Version = (string)metadata["dac_version"]!,
        };
    }

    private static Codes ToCodes(NumpyArray array, int codebookSize)
    {
        if (array.Type != "u2" || array.Shape.Length != 3)
            throw new ArgumentException("codes are no 16-bit array of three dimensions");
        var (rows, books, frames) = (array.Shape[0], array.Shape[1], array.Shape[2]);
        var codes = new int[books][][];
        for (var book = 0; book < books; book++)
        {
            codes[book] = new int[rows][];
            for (var row = 0; row < rows; row++)
            {
                var item = codes[book][row] = new int[frames];
                for (var t = 0; t < frames; t++)
                {
                    item[t] = BinaryPrimitives.ReadUInt16LittleEndian(array.Bytes.AsSpan(2 * ((row * books + book) * frames + t)));
                    if (item[t] >= codebookSize)
                        throw new ArgumentException($"code {item[t]} in a codebook of {codebookSize}");
                }
            }
        }
        return new Codes([.. Enumerable.Repeat(new CodebookSpec(codebookSize), books)], codes, frames);
    }

    /// <summary>The bytes that the reference writes for the same contents.</summary>
    public byte[] ToBytes()
    {
        using var stream = new MemoryStream();
        stream.Write(Magic);
        var header = "{'descr': '|O', 'fortran_order': False, 'shape': (), }".PadRight(117) + "\n";
        stream.Write([(byte)header.Length, (byte)(header.Length >> 8)]);
        stream.Write(Encoding.ASCII.GetBytes(header));
        var pickle = new NumpyPickleWriter(stream);
        pickle.ObjectArray(() => pickle.Dictionary(
            ("codes", () => pickle.Array("u2", [Codes.Batch, Codes.Books, Codes.Frames], CodeBytes())),
            ("metadata", () => pickle.Dictionary(
                ("input_db", () => pickle.Array("f4", [1], BitConverter.GetBytes(InputDb))),
                ("original_length", () => pickle.Integer(OriginalLength)),
                ("sample_rate", () => pickle.Integer(SampleRate)),
                ("chunk_length", () => pickle.Integer(ChunkFrames)),
                ("channels", () => pickle.Integer(Channels)),
                ("padding", () => pickle.Boolean(Padding)),
                ("dac_version", () => pickle.Text(Version))))));
        pickle.Stop();
        return stream.ToArray();
    }

    private byte[] CodeBytes()
    {
        var bytes = new byte[2 * Codes.Batch * Codes.Books * Codes.Frames];
        var place = 0;
        for (var row = 0; row < Codes.Batch; row++)
            for (var book = 0; book < Codes.Books; book++)
                foreach (var code in Codes[book, row])
                {
                    BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(place), checked((ushort)code));
                    place += 2;
                }
        return bytes;
    }
}
