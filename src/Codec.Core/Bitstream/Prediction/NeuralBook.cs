namespace Codec.Core.Bitstream.Prediction;

/// <summary>
/// The network of one book. Two hidden layers; a code is then predicted in two steps, first its cluster, then which member of
/// the cluster it is, so that few outputs are computed for one code (Goodman, "Classes for fast maximum entropy training", 2001).
/// </summary>
internal sealed class NeuralBook
{
    /// <summary>Fraction bits of hidden activations.</summary>
    public const int HiddenBits = 8;

    private const double HiddenUnit = 1 << HiddenBits;
    private static readonly double LogitUnit = (1 << FixedPointSoftmax.FractionBits) / Math.Log(2);

    private readonly short[] _vectors; // [code, width], shifted

    public NeuralBook(int book, int shift, sbyte[] embeddings, int[] order, IntegerLayer input, IntegerLayer middle, IntegerLayer cluster, IntegerLayer member)
    {
        Shift = shift;
        Embeddings = embeddings;
        Order = order;
        Input = input;
        Middle = middle;
        Cluster = cluster;
        Member = member;
        var width = embeddings.Length / order.Length;
        if (embeddings.Length % order.Length != 0 || input.Columns != NeuralContext.Taps(book) * width || middle.Columns != input.Rows || cluster.Columns != middle.Rows
            || member.Columns != middle.Rows || member.Rows != order.Length || cluster.Rows != Clusters(order.Length, member.BlockRows))
            throw new BitstreamException("entropy prior", 0, "layers that fit together", $"others in book {book}");
        _vectors = [.. embeddings.Select(value => (short)(value << shift))];
        Own = OwnProducts(book, _vectors, width);
        Positions = new int[order.Length];
        Array.Fill(Positions, -1);
        for (var position = 0; position < order.Length; position++)
            Positions[order[position]] = position;
        if (Positions.Contains(-1))
            throw new BitstreamException("entropy prior", 0, "every code once in the order of the clusters", $"another order in book {book}");
    }

    /// <summary>Power of two by which the embedding bytes count: the embeddings of fine books are small.</summary>
    public int Shift { get; }

    /// <summary>[code, width].</summary>
    public sbyte[] Embeddings { get; }

    /// <summary>Code at each position; a cluster is a run of <see cref="Members"/> positions.</summary>
    public int[] Order { get; }

    /// <summary>Position of each code.</summary>
    public int[] Positions { get; }

    public IntegerLayer Input { get; }

    public IntegerLayer Middle { get; }

    /// <summary>What a code of this book gives to the input layer of the frames after it, the next one first.</summary>
    public CodeProducts Own { get; }

    /// <summary>Logits of the clusters.</summary>
    public IntegerLayer Cluster { get; }

    /// <summary>Logits of the positions, one cluster at a time.</summary>
    public IntegerLayer Member { get; }

    public int Size => Order.Length;

    /// <summary>Codes of a cluster; the last one may have fewer.</summary>
    public int Members => Member.BlockRows;

    /// <summary>Codes of one cluster.</summary>
    public int MembersOf(int cluster) => Math.Min(Members, Size - cluster * Members);

    /// <summary>Clusters that hold so many codes.</summary>
    public static int Clusters(int size, int members) => (size + members - 1) / members;

    /// <summary>Codes of a cluster for a codebook: about as many as there are clusters.</summary>
    public static int MembersFor(int size) => 1 << (int.Log2(Math.Max(1, size - 1)) + 2) / 2;

    /// <summary>Numbers that are the embedding of a code.</summary>
    public ReadOnlySpan<short> Vector(int code, int width) => _vectors.AsSpan(code * width, width);

    /// <summary>As <see cref="Own"/>, for other embeddings of this book.</summary>
    public CodeProducts OwnProducts(int book, short[] vectors, int width)
        => new(Input.Matrix, Enumerable.Range(1, NeuralContext.OwnPast(book)).Select(back => NeuralContext.OwnFirst(book) + NeuralContext.OwnPast(book) - back), vectors, width);

    /// <summary>What a code of the next lower book gives to the input layer of its own frame.</summary>
    public CodeProducts NextLowerProducts(NeuralBook lower, int width) => new(Input.Matrix, [NeuralContext.LowerTaps + 1], lower._vectors, width);

    /// <summary>Rounds trained weights.</summary>
    /// <param name="book">Number of the book.</param>
    /// <param name="real">Its weights.</param>
    /// <param name="shift">See <see cref="Shift"/>.</param>
    /// <param name="unit">What stands for 1 in sums of embeddings.</param>
    public static NeuralBook Quantize(int book, NeuralBookWeights real, int shift, double unit) => new(book, shift,
        [.. real.Embeddings.Cast<float>().Select(v => (sbyte)Math.Clamp(Math.Round(v * unit / (1 << shift)), -127, 127))],
        real.Order,
        IntegerLayer.Quantize(real.Input, HiddenUnit / unit, HiddenUnit),
        IntegerLayer.Quantize(real.Middle, 1, HiddenUnit),
        IntegerLayer.Quantize(real.Cluster, LogitUnit / HiddenUnit, LogitUnit),
        IntegerLayer.Quantize(real.Member, LogitUnit / HiddenUnit, LogitUnit, real.Members));

    /// <summary>Real weights that round to these.</summary>
    public NeuralBookWeights Dequantize(double unit)
    {
        var width = Embeddings.Length / Size;
        var table = new float[Size, width];
        for (var i = 0; i < Embeddings.Length; i++)
            table[i / width, i % width] = (float)((Embeddings[i] << Shift) / unit);
        return new NeuralBookWeights(table, Order, Members, Input.Dequantize(HiddenUnit / unit, HiddenUnit), Middle.Dequantize(1, HiddenUnit),
            Cluster.Dequantize(LogitUnit / HiddenUnit, LogitUnit), Member.Dequantize(LogitUnit / HiddenUnit, LogitUnit));
    }
}

/// <summary>What <see cref="NeuralPrior"/> is made of, for one book, in real numbers.</summary>
/// <param name="Embeddings">[code, width].</param>
/// <param name="Order">Code at each position; clusters are runs of positions.</param>
/// <param name="Members">Codes of a cluster; the last one may have fewer.</param>
/// <param name="Input">First hidden layer over the taps of <see cref="NeuralContext"/>, rectified.</param>
/// <param name="Middle">Second hidden layer, rectified.</param>
/// <param name="Cluster">Logits of the clusters.</param>
/// <param name="Member">Logits of the positions within their cluster.</param>
public sealed record NeuralBookWeights(float[,] Embeddings, int[] Order, int Members, LinearWeights Input, LinearWeights Middle, LinearWeights Cluster, LinearWeights Member);
