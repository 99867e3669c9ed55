namespace Codec.Core.Bitstream.Prediction;

/// <summary>What the neural predictor of a trained book says of a nested one: sums over the codes of each cluster, in integers.</summary>
internal sealed class NestedTables
{
    /// <summary>Products of two frequencies count in units of this power of two.</summary>
    private const int Shift = 12;

    private readonly NestedBook _nested;
    private readonly short[] _vectors; // [cluster, width]
    private readonly int[] _clusters;  // nested cluster of each position
    private readonly ulong[] _sums;
    private readonly uint[] _cumulative;
    private readonly uint[] _table; // of the network's clusters

    public NestedTables(NeuralBook network, NestedBook nested, int width)
    {
        _nested = nested;
        _vectors = new short[nested.Size * width];
        _clusters = new int[network.Size];
        for (var position = 0; position < network.Size; position++)
            _clusters[position] = nested.Map[network.Order[position]];
        _sums = new ulong[nested.Size];
        _cumulative = new uint[nested.Size + 1];
        _table = new uint[network.Cluster.Rows + 1];
        var sums = new long[_vectors.Length];
        var totals = new long[nested.Size];
        for (var code = 0; code < network.Size; code++)
        {
            var (cluster, weight) = (nested.Map[code], nested.Weights[code]);
            totals[cluster] += weight;
            var vector = network.Vector(code, width);
            for (var d = 0; d < width; d++)
                sums[cluster * width + d] += weight * vector[d];
        }
        for (var i = 0; i < sums.Length; i++)
            _vectors[i] = (short)((sums[i] - (sums[i] % totals[i / width] + totals[i / width]) % totals[i / width]) / totals[i / width]);
        Own = network.OwnProducts(nested.Book, _vectors, width);
    }

    /// <summary>Number of the book.</summary>
    public int Book => _nested.Book;

    /// <summary>As <see cref="NeuralBook.Own"/>, of the nested codes.</summary>
    public CodeProducts Own { get; }

    /// <summary>The embedding that stands for a cluster: the weighted mean of its codes' embeddings, rounded down.</summary>
    public ReadOnlySpan<short> Vector(int cluster, int width) => _vectors.AsSpan(cluster * width, width);

    /// <summary>Begins a code.</summary>
    /// <param name="clusters">The table of the network's clusters; copied.</param>
    /// <returns>The copy.</returns>
    public ReadOnlySpan<uint> Begin(ReadOnlySpan<uint> clusters)
    {
        Array.Clear(_sums);
        clusters.CopyTo(_table);
        return _table;
    }

    /// <summary>Adds the codes of one of the network's clusters.</summary>
    /// <param name="first">Position of the first.</param>
    /// <param name="frequency">Of the network's cluster.</param>
    /// <param name="members">Frequencies of its codes, as a table.</param>
    public void Add(int first, uint frequency, ReadOnlySpan<uint> members)
    {
        for (var i = 0; i + 1 < members.Length; i++)
            _sums[_clusters[first + i]] += (ulong)frequency * (members[i + 1] - members[i]);
    }

    /// <summary>The table of the clusters.</summary>
    public ReadOnlySpan<uint> Cumulate()
    {
        for (var cluster = 0; cluster < _sums.Length; cluster++)
            _cumulative[cluster + 1] = _cumulative[cluster] + 1 + (uint)(_sums[cluster] >> Shift);
        return _cumulative;
    }
}
