namespace Codec.Core.Bitstream;

/// <summary>
/// A shrunk codebook: k-means clusters of a trained one's entries. Clusters of a smaller book are unions of those of a larger one, so
/// that a file can be shrunk again and again. The map stands in the entropy tables (FORMAT.md, "Prior files").
/// </summary>
public sealed class NestedBook
{
    private readonly int[] _map;
    private readonly byte[] _weights;

    /// <param name="book">Its number.</param>
    /// <param name="size">Clusters.</param>
    /// <param name="map">Cluster of each code of the trained book; kept.</param>
    /// <param name="weights">How much each code counts in the mean of its cluster, at least 1; kept.</param>
    /// <exception cref="BitstreamException">A cluster without codes, or weights that do not fit.</exception>
    public NestedBook(int book, int size, int[] map, byte[] weights)
    {
        (Book, Size, _map, _weights) = (book, size, map, weights);
        if (weights.Length != map.Length || weights.Contains((byte)0))
            throw new BitstreamException("nested book", 0, $"{map.Length} weights above 0", $"others in book {book}");
        if (map.Any(cluster => (uint)cluster >= (uint)size) || map.Distinct().Count() != size)
            throw new BitstreamException("nested book", 0, $"codes in each of {size} clusters", $"others in book {book}");
    }

    /// <summary>Number of the book.</summary>
    public int Book { get; }

    /// <summary>Clusters.</summary>
    public int Size { get; }

    /// <summary>Cluster of each code of the trained book.</summary>
    public ReadOnlySpan<int> Map => _map;

    /// <summary>How much each code counts in the mean of its cluster.</summary>
    public ReadOnlySpan<byte> Weights => _weights;

    /// <summary>As files and codecs describe it.</summary>
    public CodebookSpec Spec => new(Size, 1, _map.Length);

    /// <summary>Codes up to this book, which becomes clusters. The lower books share memory.</summary>
    /// <param name="codes">With the trained book, or a larger one of its nested books that <paramref name="held"/> describes.</param>
    /// <param name="held">What the book of the codes is; null: the trained one.</param>
    public Codes Shrink(Codes codes, NestedBook? held = null)
    {
        var map = held is null ? _map : new int[held.Size];
        if (held is not null)
            for (var code = 0; code < _map.Length; code++)
                map[held._map[code]] = _map[code];
        return Replace(codes, Spec, code => map[code]);
    }

    /// <summary>Codes of this book as codes of the trained one, each cluster as the code that <paramref name="codeOf"/> names.</summary>
    public Codes Expand(Codes codes, Func<int, int> codeOf) => Replace(codes, new CodebookSpec(_map.Length), codeOf);

    /// <summary>Weighted means of the entries of each cluster, in one order of operations everywhere.</summary>
    /// <param name="entries">[V][D] of the trained book.</param>
    /// <param name="dimension">D.</param>
    /// <returns>[Size][D].</returns>
    public float[] Means(ReadOnlySpan<float> entries, int dimension)
    {
        var sums = new double[Size * dimension];
        var totals = new double[Size];
        for (var code = 0; code < _map.Length; code++)
        {
            totals[_map[code]] += _weights[code];
            for (var d = 0; d < dimension; d++)
                sums[_map[code] * dimension + d] += (double)_weights[code] * entries[code * dimension + d];
        }
        var means = new float[sums.Length];
        for (var i = 0; i < means.Length; i++)
            means[i] = (float)(sums[i] / totals[i / dimension]);
        return means;
    }

    private Codes Replace(Codes codes, CodebookSpec spec, Func<int, int> map)
    {
        var books = new int[Book + 1][][];
        for (var book = 0; book <= Book; book++)
            books[book] = [.. Enumerable.Range(0, codes.Batch).Select(item => book < Book ? codes[book, item].ToArray() : Array.ConvertAll(codes[book, item].ToArray(), code => map(code)))];
        return new Codes([.. codes.Specs.Take(Book), spec], books, codes.Frames).WithSegments(codes.Segments);
    }
}
