namespace Codec.Core.Bitstream.Prediction;

/// <summary>The layers behind the input layer of a book's network, for a few frames at a time, so that weights are read once for all of them.</summary>
internal sealed class NeuralRows
{
    /// <summary>Frames at a time.</summary>
    public const int Most = 4;

    private readonly short[] _first, _second; // hidden activations [row, unit]
    private readonly int[] _sums, _clusters;
    private readonly int[] _logits;
    private readonly uint[] _cumulative;

    public NeuralRows(NeuralPrior prior)
    {
        NeuralBook[] books = [.. Enumerable.Range(0, prior.Books).Select(book => prior[book])];
        Inputs = new int[Most * books.Max(book => book.Input.Matrix.Sums)];
        Means = new short[Most * prior.Width];
        _first = new short[Inputs.Length];
        _second = new short[Most * books.Max(book => book.Middle.Matrix.Sums)];
        _clusters = new int[Most * books.Max(book => book.Cluster.Matrix.Sums)];
        _logits = new int[books.Max(book => Math.Max(book.Cluster.Matrix.Sums, book.Member.Matrix.Sums))];
        _sums = new int[Math.Max(_second.Length, _logits.Length)];
        _cumulative = new uint[_logits.Length + 1];
    }

    /// <summary>Room for sums of the input layer [row, sum].</summary>
    public int[] Inputs { get; }

    /// <summary>Room for mean embeddings [row, width].</summary>
    public short[] Means { get; }

    /// <summary>Computes up to the logits of the clusters.</summary>
    /// <param name="network">Of the book.</param>
    /// <param name="inputs">Sums of its input layer [row, sum].</param>
    /// <param name="count">Rows.</param>
    public void Run(NeuralBook network, ReadOnlySpan<int> inputs, int count)
    {
        var (width, units) = (network.Input.Matrix.Sums, network.Middle.Matrix.Sums);
        for (var row = 0; row < count; row++)
            network.Input.Rectified(inputs.Slice(row * width, width), _first.AsSpan(row * width, width));
        Multiply(network.Middle, 0, _first, width, count, _sums);
        for (var row = 0; row < count; row++)
            network.Middle.Rectified(_sums.AsSpan(row * units, units), _second.AsSpan(row * units, units));
        Multiply(network.Cluster, 0, _second, units, count, _clusters);
    }

    /// <summary>The table of the clusters; valid until the next one is asked for.</summary>
    public ReadOnlySpan<uint> Clusters(NeuralBook network, int row)
        => Table(network.Cluster, 0, network.Cluster.Rows, _clusters.AsSpan(row * network.Cluster.Matrix.Sums, network.Cluster.Matrix.Sums));

    /// <summary>The table of the members of a cluster, likewise.</summary>
    public ReadOnlySpan<uint> Members(NeuralBook network, int row, int cluster)
    {
        Multiply(network.Member, cluster, _second.AsSpan(row * network.Middle.Matrix.Sums), 0, 1, _sums);
        return Table(network.Member, cluster, network.MembersOf(cluster), _sums.AsSpan(0, network.Member.Matrix.Sums));
    }

    private static void Multiply(IntegerLayer layer, int block, ReadOnlySpan<short> x, int stride, int count, Span<int> sums)
    {
        sums[..(count * layer.Matrix.Sums)].Clear();
        layer.Matrix.MultiplyAdd(block, 0, (layer.Columns + 1) / 2 * 2, x, count, stride, sums);
    }

    private ReadOnlySpan<uint> Table(IntegerLayer layer, int block, int count, ReadOnlySpan<int> sums)
    {
        layer.Scaled(sums, block, _logits);
        var cumulative = _cumulative.AsSpan(0, count + 1);
        FixedPointSoftmax.Cumulate(_logits.AsSpan(0, count), cumulative);
        return cumulative;
    }
}
