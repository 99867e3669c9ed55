using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Codec.Core.Bitstream.Prediction;

/// <summary>
/// Weights of the neural predictor: for every book an embedding per code and a network (<see cref="NeuralBook"/>), all in 8-bit
/// integers. Trained by Codec.Training; made for the codes of one encoder and quantizer.
/// </summary>
public sealed class NeuralPrior : EntropyPrior
{
    private readonly NeuralBook[] _books;
    private readonly CodeProducts?[] _nextLower;
    private readonly IReadOnlyList<NestedBook>[] _nested; // of each book, smallest first

    private NeuralPrior(uint tokenHash, int width, NeuralBook[] books, IReadOnlyList<NestedBook>[] nested)
    {
        _nested = nested;
        TokenHash = tokenHash;
        Width = width;
        _books = books;
        _nextLower = [.. books.Select((book, k) => k == 0 ? null : book.NextLowerProducts(books[k - 1], width))];
        if (books.Sum(book => 128 << book.Shift) > short.MaxValue)
            throw new BitstreamException("entropy prior", 0, "sums of embeddings that fit 16 bits", $"shifts {string.Join(' ', books.Select(book => book.Shift))}");
        Id = Math.Max(1u, ChecksumOf(ToBytes()));
    }

    public override uint TokenHash { get; }

    public override uint Id { get; }

    public override Predictor Predictor => Predictor.Neural;

    public int Books => _books.Length;

    /// <summary>Length of an embedding, even.</summary>
    public int Width { get; }

    /// <summary>Entries of a codebook.</summary>
    public int Size(int book) => _books[book].Size;

    /// <summary>Codes of a cluster for a codebook: about as many as there are clusters.</summary>
    public static int MembersFor(int size) => NeuralBook.MembersFor(size);

    /// <summary>Codes of a book in the order of their clusters.</summary>
    public IReadOnlyList<int> Order(int book) => _books[book].Order;

    internal NeuralBook this[int book] => _books[book];

    /// <summary>What stands for 1 in sums of embeddings where they are scaled to lie in [-1, 1].</summary>
    internal double Unit => 128.0 * (1 << _books.Max(book => book.Shift));

    /// <summary>See <see cref="NeuralBook.NextLowerProducts"/>; not for book 0.</summary>
    internal CodeProducts NextLower(int book) => _nextLower[book]!;

    /// <summary>Rounds trained weights.</summary>
    /// <param name="tokenHash">See <see cref="TokenHash"/>.</param>
    /// <param name="books">Of each book; embeddings of one even length.</param>
    public static NeuralPrior Quantize(uint tokenHash, IReadOnlyList<NeuralBookWeights> books)
    {
        double[] most = [.. books.Select(book => book.Embeddings.Cast<float>().Max(v => Math.Abs((double)v)))];
        // The coarsest book takes as many shifts as the sums of all books leave room for.
        var room = Math.Max(0, BitOperations.Log2((uint)(short.MaxValue / 128 / books.Count)));
        var unit = 127 * (1 << room) / Math.Max(1e-9, most.Max());
        int[] shifts = [.. most.Select(value => Enumerable.Range(0, room + 1).First(shift => shift == room || value * unit <= 127 << shift))];
        return new NeuralPrior(tokenHash, books[0].Embeddings.GetLength(1), [.. books.Select((book, k) => NeuralBook.Quantize(k, book, shifts[k], unit))], [.. books.Select(_ => (IReadOnlyList<NestedBook>)[])]);
    }

    public override bool Fits(IReadOnlyList<CodebookSpec> books)
        => books.Count <= Books && books.Select((book, i) => book == new CodebookSpec(Size(i)) || i == books.Count - 1 && Find(books) is not null).All(fits => fits);

    /// <summary>True where these tables can predict books that frames may lack.</summary>
    public bool FitsVariable(IReadOnlyList<CodebookSpec> books)
        => VariableBooks.Are(books, [.. Enumerable.Range(0, Books).Select(book => new CodebookSpec(Size(book)))]);

    public override NeuralPrior For(uint tokenHash) => new(tokenHash, Width, _books, _nested);

    public override IReadOnlyList<NestedBook> NestedBooks(int book) => book < Books ? _nested[book] : [];

    /// <summary>The same tables with other nested books.</summary>
    /// <param name="nested">Of each book, smallest first; clusters of a smaller one are unions of those of a larger one.</param>
    /// <exception cref="ArgumentException">Of other books.</exception>
    public NeuralPrior WithNestedBooks(IReadOnlyList<IReadOnlyList<NestedBook>> nested)
    {
        if (nested.Count != Books || nested.Where((levels, book) => levels.Any(level => level.Book != book || level.Map.Length != Size(book))).Any())
            throw new ArgumentException($"expected clusters of {Books} books", nameof(nested));
        return new NeuralPrior(TokenHash, Width, _books, [.. nested]);
    }

    /// <summary>Real weights that round to these tables, to train on from: the embeddings are scaled to lie in [-1, 1].</summary>
    public IReadOnlyList<NeuralBookWeights> Dequantize() => [.. _books.Select(book => book.Dequantize(Unit))];

    public override byte[] ToBytes()
    {
        var bytes = new ByteWriter();
        bytes.Bytes(_nested.All(levels => levels.Count == 0) ? PlainMagic : Magic);
        bytes.UInt32(TokenHash);
        bytes.Varint((ulong)Books);
        bytes.Varint((ulong)Width);
        foreach (var (book, nested) in _books.Zip(_nested))
        {
            foreach (var number in new[] { book.Shift, book.Size, book.Members, book.Input.Rows, book.Middle.Rows })
                bytes.Varint((ulong)number);
            foreach (var code in book.Order)
                bytes.Varint((ulong)code);
            bytes.Bytes(MemoryMarshal.AsBytes<sbyte>(book.Embeddings));
            foreach (var layer in new[] { book.Input, book.Middle, book.Cluster, book.Member })
                Write(bytes, layer);
            if (_nested.Any(levels => levels.Count > 0))
                NestedFormat.Write(bytes, nested);
        }
        bytes.UInt32(Crc32C.Compute(bytes.Written));
        return bytes.Written.ToArray();
    }

    /// <exception cref="BitstreamException">Not a prior file, or a damaged one.</exception>
    public static new NeuralPrior Parse(ReadOnlySpan<byte> bytes)
    {
        var plain = bytes.StartsWith(PlainMagic);
        Check(bytes, plain ? PlainMagic : Magic, "an entropy prior, version 2 or 3");
        var reader = new ByteReader(bytes);
        reader.Bytes(4, "magic");
        var hash = reader.UInt32("token hash");
        var books = new NeuralBook[(int)reader.Varint("books", 1, 256)];
        var width = (int)reader.Varint("width", 2, 4096);
        if (width % 2 != 0)
            throw new BitstreamException("width", reader.Position, "an even number", $"{width}");
        var nested = new IReadOnlyList<NestedBook>[books.Length];
        for (var book = 0; book < books.Length; book++)
        {
            books[book] = ReadBook(ref reader, book, width);
            nested[book] = plain ? [] : NestedFormat.Read(ref reader, book, books[book].Size);
        }
        return new NeuralPrior(hash, width, books, nested);
    }

    private static NeuralBook ReadBook(ref ByteReader reader, int book, int width)
    {
        var shift = (int)reader.Varint("shift", 0, 8);
        var size = (int)reader.Varint("codebook size", 1, 1 << 18);
        var members = (int)reader.Varint("codes of a cluster", 1, 1 << 18);
        var hidden = (int)reader.Varint("hidden units", 1, 1 << 14);
        var second = (int)reader.Varint("hidden units", 1, 1 << 14);
        if (reader.Left < size)
            throw new BitstreamException("codes", reader.Position, $"{size}", $"{reader.Left} bytes");
        var order = new int[size];
        for (var i = 0; i < size; i++)
            order[i] = (int)reader.Varint("code", 0, (ulong)size - 1);
        var embeddings = MemoryMarshal.Cast<byte, sbyte>(reader.Bytes(checked(size * width), "embeddings")).ToArray();
        return new NeuralBook(book, shift, embeddings, order,
            Read(ref reader, hidden, NeuralContext.Taps(book) * width),
            Read(ref reader, second, hidden),
            Read(ref reader, NeuralBook.Clusters(size, members), second),
            Read(ref reader, size, second, members));
    }

    private static ReadOnlySpan<byte> Magic => "CDP\u0003"u8;

    /// <summary>Without nested books.</summary>
    private static ReadOnlySpan<byte> PlainMagic => "CDP\u0002"u8;

    internal static void Write(ByteWriter bytes, IntegerLayer layer)
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

    internal static IntegerLayer Read(ref ByteReader reader, int rows, int columns, int blockRows = 0)
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
        return new IntegerLayer(columns, weights, scale, bias, blockRows);
    }
}
