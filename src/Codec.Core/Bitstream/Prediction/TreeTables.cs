using System.Runtime.InteropServices;

namespace Codec.Core.Bitstream.Prediction;

/// <summary>
/// A Chow-Liu tree over the books of a frame with edges in time: every book hangs on the one other code (a lower book of its
/// frame, or its own last code) that tells most about it, and the counts are kept as integers, so marginals are exact.
/// (Chow and Liu 1968.)
/// </summary>
public sealed class TreeTables : EntropyPrior
{
    private readonly TreeBook[] _books;

    internal TreeTables(uint tokenHash, TreeBook[] books)
    {
        TokenHash = tokenHash;
        _books = books;
        Id = Math.Max(1u, ChecksumOf(ToBytes()));
    }

    internal static ReadOnlySpan<byte> Magic => "CDT\u0001"u8;

    public override uint TokenHash { get; }

    public override uint Id { get; }

    public override Predictor Predictor => Predictor.Tree;

    internal TreeBook this[int book] => _books[book];

    /// <summary>The book that each book hangs on; itself = its last code.</summary>
    public IReadOnlyList<int> Parents => [.. _books.Select(book => book.Parent)];

    public override bool Fits(IReadOnlyList<CodebookSpec> books)
        => books.Count <= _books.Length && books.Select((book, i) => book.Stride == 1 && book.Size == _books[i].Size).All(fits => fits);

    public override TreeTables For(uint tokenHash) => new(tokenHash, _books);

    /// <summary>Counts codes and chooses the edges with the most mutual information.</summary>
    /// <param name="files">All with the same books at the base frame rate.</param>
    /// <param name="tokenHash">See <see cref="TokenHash"/>.</param>
    public static TreeTables Train(IReadOnlyList<Codes> files, uint tokenHash = 0)
    {
        var books = new TreeBook[files[0].Specs.Count];
        Parallel.For(0, books.Length, book =>
            books[book] = TreeBook.From(Enumerable.Range(0, book).Prepend(book).Select(parent => Count(files, book, parent)).MaxBy(counts => counts.Information())!));
        return new TreeTables(tokenHash, books);
    }

    public override byte[] ToBytes()
    {
        var bytes = new ByteWriter();
        bytes.Bytes(Magic);
        bytes.UInt32(TokenHash);
        bytes.Varint((ulong)_books.Length);
        foreach (var book in _books)
            book.Write(bytes);
        bytes.UInt32(Crc32C.Compute(bytes.Written));
        return bytes.Written.ToArray();
    }

    /// <exception cref="BitstreamException">Not a tree file, or a damaged one.</exception>
    public static new TreeTables Parse(ReadOnlySpan<byte> bytes)
    {
        Check(bytes, Magic, "counts of a tree");
        var reader = new ByteReader(bytes);
        reader.Bytes(4, "magic");
        var hash = reader.UInt32("token hash");
        var books = new TreeBook[(int)reader.Varint("books", 1, 256)];
        for (var book = 0; book < books.Length; book++)
            books[book] = TreeBook.Read(ref reader, book, books);
        return new TreeTables(hash, books);
    }

    private static PairCounts Count(IReadOnlyList<Codes> files, int book, int parent)
    {
        var counts = new PairCounts(parent, files[0].Specs[parent].Size, new uint[files[0].Specs[book].Size], []);
        foreach (var file in files)
            for (var item = 0; item < file.Batch; item++)
            {
                var codes = file[book, item];
                var above = file[parent, item];
                for (var t = 0; t < codes.Length; t++)
                {
                    counts.Single[codes[t]]++;
                    if (parent != book || t > 0)
                        CollectionsMarshal.GetValueRefOrAddDefault(counts.Pairs, (parent == book ? codes[t - 1] : above[t]) * (long)counts.Single.Length + codes[t], out _)++;
                }
            }
        return counts;
    }
}
