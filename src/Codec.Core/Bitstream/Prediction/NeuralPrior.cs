using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Codec.Core.Bitstream.Prediction;

/// <summary>
/// Weights of the neural predictor: an embedding per code, and for every book a hidden layer and an output layer of low
/// rank, all in 8-bit integers. Trained by Codec.Training; made for the codes of one encoder and quantizer.
/// </summary>
public sealed class NeuralPrior
{
    /// <summary>Fraction bits of hidden activations.</summary>
    public const int HiddenBits = 8;

    private const double HiddenUnit = 1 << HiddenBits;
    private static readonly double LogitUnit = (1 << FixedPointSoftmax.FractionBits) / Math.Log(2);

    private const int MostBytes = 1 << 26;

    private NeuralPrior(uint tokenHash, int width, int[] shifts, sbyte[][] embeddings, IntegerLayer[] input, IntegerLayer[] middle, IntegerLayer[] output)
    {
        TokenHash = tokenHash;
        Width = width;
        Shifts = shifts;
        Embeddings = embeddings;
        Input = input;
        Middle = middle;
        Output = output;
        if (shifts.Sum(shift => 128 << shift) > short.MaxValue)
            throw new BitstreamException("entropy prior", 0, "sums of embeddings that fit 16 bits", $"shifts {string.Join(' ', shifts)}");
        for (var book = 0; book < Books; book++)
            if (input[book].Columns != NeuralContext.Taps(book) * width || middle[book].Columns != input[book].Rows
                || output[book].Columns != middle[book].Rows || embeddings[book].Length != output[book].Rows * width)
                throw new BitstreamException("entropy prior", 0, "layers that fit together", $"others in book {book}");
        Id = MakeId();
    }

    /// <summary>First bytes of the <see cref="CodecInfo.TokenHash"/> of the codec whose codes these tables predict.</summary>
    public uint TokenHash { get; }

    /// <summary>Identifies these tables in file headers; never 0.</summary>
    public uint Id { get; }

    public int Books => Embeddings.Length;

    /// <summary>Length of an embedding.</summary>
    public int Width { get; }

    /// <summary>Entries of a codebook.</summary>
    public int Size(int book) => Output[book].Rows;

    /// <summary>[book][code * Width + i].</summary>
    internal sbyte[][] Embeddings { get; }

    /// <summary>Powers of two by which a book's bytes count: the embeddings of fine books are small.</summary>
    internal int[] Shifts { get; }

    internal IntegerLayer[] Input { get; }

    internal IntegerLayer[] Middle { get; }

    internal IntegerLayer[] Output { get; }

    /// <summary>Rounds trained weights.</summary>
    /// <param name="tokenHash">See <see cref="TokenHash"/>.</param>
    /// <param name="embeddings">[code, width] of each book.</param>
    /// <param name="layers">Of each book: weights [out, in] and biases of input, middle and output layer.</param>
    public static NeuralPrior Quantize(uint tokenHash, IReadOnlyList<float[,]> embeddings,
        IReadOnlyList<(float[,] Weight, float[] Bias)[]> layers)
    {
        double[] most = [.. embeddings.Select(table => table.Cast<float>().Max(v => Math.Abs((double)v)))];
        // The coarsest book takes as many shifts as the sums of all books leave room for.
        var room = Math.Max(0, BitOperations.Log2((uint)(short.MaxValue / 128 / embeddings.Count)));
        var unit = 127 * (1 << room) / Math.Max(1e-9, most.Max());
        int[] shifts = [.. most.Select(value => Enumerable.Range(0, room + 1).First(shift => shift == room || value * unit <= 127 << shift))];
        return new NeuralPrior(tokenHash, embeddings[0].GetLength(1), shifts,
            [.. embeddings.Select((table, book) => table.Cast<float>().Select(v => (sbyte)Math.Round(v * unit / (1 << shifts[book]))).ToArray())],
            [.. layers.Select(book => IntegerLayer.Quantize(book[0].Weight, book[0].Bias, HiddenUnit / unit, HiddenUnit))],
            [.. layers.Select(book => IntegerLayer.Quantize(book[1].Weight, book[1].Bias, 1, HiddenUnit))],
            [.. layers.Select(book => IntegerLayer.Quantize(book[2].Weight, book[2].Bias, LogitUnit / HiddenUnit, LogitUnit))]);
    }

    /// <summary>The same tables for another codec whose codes mean the same.</summary>
    public NeuralPrior For(uint tokenHash) => new(tokenHash, Width, Shifts, Embeddings, Input, Middle, Output);

    /// <summary>Real weights that round to these tables, to train on from: the embeddings are scaled to lie in [-1, 1].</summary>
    public (IReadOnlyList<float[,]> Embeddings, IReadOnlyList<(float[,] Weight, float[] Bias)[]> Layers) Dequantize()
    {
        var unit = 128.0 * (1 << Shifts.Max());
        var embeddings = Embeddings.Select((bytes, book) =>
        {
            var table = new float[Size(book), Width];
            for (var i = 0; i < bytes.Length; i++)
                table[i / Width, i % Width] = (float)((bytes[i] << Shifts[book]) / unit);
            return table;
        });
        return ([.. embeddings], [.. Enumerable.Range(0, Books).Select(book => new[]
        {
            Input[book].Dequantize(HiddenUnit / unit, HiddenUnit),
            Middle[book].Dequantize(1, HiddenUnit),
            Output[book].Dequantize(LogitUnit / HiddenUnit, LogitUnit),
        })]);
    }

    /// <summary>Bytes of a prior file (FORMAT.md, "Prior files").</summary>
    public byte[] ToBytes()
    {
        var bytes = new ByteWriter();
        bytes.Bytes(Magic);
        bytes.UInt32(TokenHash);
        bytes.Varint((ulong)Books);
        bytes.Varint((ulong)Width);
        for (var book = 0; book < Books; book++)
        {
            bytes.Varint((ulong)Shifts[book]);
            bytes.Varint((ulong)Size(book));
            bytes.Varint((ulong)Input[book].Rows);
            bytes.Varint((ulong)Middle[book].Rows);
            bytes.Bytes(MemoryMarshal.AsBytes<sbyte>(Embeddings[book]));
            Write(bytes, Input[book]);
            Write(bytes, Middle[book]);
            Write(bytes, Output[book]);
        }
        bytes.UInt32(Crc32C.Compute(bytes.Written));
        return bytes.Written.ToArray();
    }

    /// <exception cref="BitstreamException">Not a prior file, or a damaged one.</exception>
    public static NeuralPrior Parse(ReadOnlySpan<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        if (bytes.Length is < 12 or > MostBytes || !bytes.StartsWith(Magic))
            throw new BitstreamException("magic", 0, "an entropy prior", Convert.ToHexString(bytes[..Math.Min(4, bytes.Length)]));
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes[^4..]) != Crc32C.Compute(bytes[..^4]))
            throw new BitstreamException("checksum", bytes.Length - 4, "that of the bytes", "another");
        reader.Bytes(4, "magic");
        var hash = reader.UInt32("token hash");
        var books = (int)reader.Varint("books", 1, 256);
        var width = (int)reader.Varint("width", 1, 4096);
        var embeddings = new sbyte[books][];
        var shifts = new int[books];
        var layers = new IntegerLayer[3][];
        for (var i = 0; i < 3; i++)
            layers[i] = new IntegerLayer[books];
        for (var book = 0; book < books; book++)
        {
            shifts[book] = (int)reader.Varint("shift", 0, 8);
            var size = (int)reader.Varint("codebook size", 1, 1 << 18);
            var hidden = (int)reader.Varint("hidden units", 1, 1 << 14);
            var rank = (int)reader.Varint("output rank", 1, 1 << 14);
            embeddings[book] = MemoryMarshal.Cast<byte, sbyte>(reader.Bytes(checked(size * width), "embeddings")).ToArray();
            layers[0][book] = Read(ref reader, hidden, NeuralContext.Taps(book) * width);
            layers[1][book] = Read(ref reader, rank, hidden);
            layers[2][book] = Read(ref reader, size, rank);
        }
        return new NeuralPrior(hash, width, shifts, embeddings, layers[0], layers[1], layers[2]);
    }

    private static ReadOnlySpan<byte> Magic => "CDP\u0001"u8;

    private uint MakeId() => Math.Max(1u, BinaryPrimitives.ReadUInt32LittleEndian(ToBytes().AsSpan(^4..)));

    private static void Write(ByteWriter bytes, IntegerLayer layer)
    {
        bytes.Bytes(MemoryMarshal.AsBytes<sbyte>(layer.Weights));
        foreach (var scale in layer.Scale)
            bytes.UInt32((uint)scale);
        foreach (var bias in layer.Bias)
        {
            bytes.Byte((byte)bias);
            bytes.Byte((byte)(bias >> 8));
        }
    }

    private static IntegerLayer Read(ref ByteReader reader, int rows, int columns)
    {
        var weights = MemoryMarshal.Cast<byte, sbyte>(reader.Bytes(checked(rows * columns), "weights")).ToArray();
        var scales = reader.Bytes(4 * rows, "scales");
        var biases = reader.Bytes(2 * rows, "biases");
        var scale = new int[rows];
        var bias = new short[rows];
        for (var r = 0; r < rows; r++)
        {
            scale[r] = BinaryPrimitives.ReadInt32LittleEndian(scales[(4 * r)..]);
            bias[r] = BinaryPrimitives.ReadInt16LittleEndian(biases[(2 * r)..]);
        }
        return new IntegerLayer(rows, columns, weights, scale, bias);
    }
}
