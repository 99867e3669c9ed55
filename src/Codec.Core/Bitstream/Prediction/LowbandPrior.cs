namespace Codec.Core.Bitstream.Prediction;

/// <summary>
/// Tables of the low band (<see cref="LowbandModel"/>): a network over the embeddings of a <see cref="NeuralPrior"/>, by which the books
/// before it are predicted, and frequencies. Trained by Codec.Training.
/// </summary>
public sealed class LowbandPrior : EntropyPrior
{
    /// <summary>Frames before a frame whose codes tell of its coefficients.</summary>
    public const int Past = 4;

    /// <summary>Frames after it, likewise.</summary>
    public const int Future = 3;

    /// <summary>Frames that the network sees, all within the block.</summary>
    public const int Taps = Past + 1 + Future;

    private LowbandPrior(uint tokenHash, uint neural, LowbandNetwork network, LowbandTables tables)
    {
        (TokenHash, NeuralId, Network, Tables) = (tokenHash, neural, network, tables);
        Id = Math.Max(1u, ChecksumOf(ToBytes()));
    }

    public override uint TokenHash { get; }

    public override uint Id { get; }

    public override Predictor Predictor => Predictor.NeuralLowband;

    /// <summary>The tables of the books before the low band.</summary>
    public uint NeuralId { get; }

    /// <summary>Those tables, where they are at hand; null: they are not, or are others than their name says.</summary>
    public NeuralPrior? Neural => EntropyPriors.Find(NeuralId) is NeuralPrior neural && neural.Width == Network.Width ? neural : null;

    /// <summary>Coefficients of a frame.</summary>
    public int Coefficients => Network.Layers[^1].Rows;

    internal LowbandNetwork Network { get; }

    internal LowbandTables Tables { get; }

    internal static ReadOnlySpan<byte> Magic => "CDL\u0001"u8;

    /// <summary>Rounds trained weights; frequencies are those of Laplacians until they are counted.</summary>
    /// <param name="neural">Tables of the codes.</param>
    /// <param name="real">The weights.</param>
    public static LowbandPrior Quantize(NeuralPrior neural, LowbandWeights real)
    {
        const double hidden = 1 << NeuralBook.HiddenBits, log = 1 << FixedPointSoftmax.FractionBits;
        var network = new LowbandNetwork(IntegerLayer.Quantize(real.Input, hidden / neural.Unit, hidden), IntegerLayer.Quantize(real.Middle, 1, hidden),
            IntegerLayer.Quantize(real.Output, log / hidden, log));
        return new LowbandPrior(neural.TokenHash, neural.Id, network, new LowbandCounts().ToTables());
    }

    /// <summary>The same network with the frequencies of some codes.</summary>
    /// <param name="neural">Tables of the codes.</param>
    /// <param name="files">With a low band each, of any books before it and any steps; every batch item counts as a file.</param>
    /// <param name="blockFrames">Frames of a block.</param>
    public LowbandPrior WithCounts(NeuralPrior neural, IReadOnlyList<Codes> files, int blockFrames)
    {
        var counts = new LowbandCounts();
        var block = new LowbandBlock();
        foreach (var (piece, kept) in Blocks(files, blockFrames))
        {
            Begin(block, neural, piece, kept, _ => 0);
            Walk(piece, kept, (row, t, value) => counts.AddSize(block.Level(row, t), Math.Abs(value)));
        }
        var expected = counts.Expected();
        foreach (var (piece, kept) in Blocks(files, blockFrames))
        {
            Begin(block, neural, piece, kept, level => expected[level]);
            Walk(piece, kept, (row, t, value) =>
            {
                counts.Add(block.Table(row, t), Math.Abs(value));
                var (context, turned) = block.Sign(row, t, Math.Abs(value));
                if (value != 0)
                    counts.AddSign(context, value > 0 != turned);
                block.Set(row, t, value);
            });
        }
        return new LowbandPrior(TokenHash, NeuralId, Network, counts.ToTables());
    }

    public override bool Fits(IReadOnlyList<CodebookSpec> books)
        => Neural is { } neural && LowbandBooks.Are(books, [.. Enumerable.Range(0, neural.Books).Select(book => new CodebookSpec(neural.Size(book)))], Coefficients);

    /// <summary>What the books before the low band can be shrunk to where it is dropped.</summary>
    public override IReadOnlyList<NestedBook> NestedBooks(int book) => Neural?.NestedBooks(book) ?? [];

    /// <inheritdoc/>
    public override LowbandPrior For(uint tokenHash) => new(tokenHash, NeuralId, Network, Tables);

    /// <summary>The same tables upon others with the same embeddings.</summary>
    public LowbandPrior For(NeuralPrior neural) => new(neural.TokenHash, neural.Id, Network, Tables);

    public override byte[] ToBytes()
    {
        var bytes = new ByteWriter();
        bytes.Bytes(Magic);
        bytes.UInt32(TokenHash);
        bytes.UInt32(NeuralId);
        bytes.Varint((ulong)Network.Width);
        foreach (var layer in Network.Layers)
            bytes.Varint((ulong)layer.Rows);
        foreach (var layer in Network.Layers)
            NeuralPrior.Write(bytes, layer);
        Tables.Write(bytes);
        bytes.UInt32(Crc32C.Compute(bytes.Written));
        return bytes.Written.ToArray();
    }

    /// <exception cref="BitstreamException">Not such a file, or a damaged one.</exception>
    public static new LowbandPrior Parse(ReadOnlySpan<byte> bytes)
    {
        Check(bytes, Magic, "tables of a low band");
        var reader = new ByteReader(bytes[..^4]);
        reader.Bytes(4, "magic");
        var hash = reader.UInt32("token hash");
        var neural = reader.UInt32("prior of the other books");
        var width = (int)reader.Varint("width", 2, 4096);
        if (width % 2 != 0)
            throw new BitstreamException("width", reader.Position, "an even number", $"{width}");
        var hidden = (int)reader.Varint("hidden units", 1, 1 << 14);
        var second = (int)reader.Varint("hidden units", 1, 1 << 14);
        var coefficients = (int)reader.Varint("coefficients", LowbandBooks.FewestAlike, 255);
        var network = new LowbandNetwork(NeuralPrior.Read(ref reader, hidden, Taps * width), NeuralPrior.Read(ref reader, second, hidden), NeuralPrior.Read(ref reader, coefficients, second));
        var tables = LowbandTables.Read(ref reader);
        return reader.Left == 0 ? new LowbandPrior(hash, neural, network, tables) : throw new BitstreamException("entropy prior", reader.Position, "the checksum", $"{reader.Left} more bytes");
    }

    /// <summary>What is known of a block before its coefficients.</summary>
    /// <param name="block">Receives it.</param>
    /// <param name="neural">Has the embeddings.</param>
    /// <param name="codes">One batch item.</param>
    /// <param name="kept">Books before the low band.</param>
    /// <param name="expected">Mean size of a level.</param>
    internal void Begin(LowbandBlock block, NeuralPrior neural, Codes codes, int kept, Func<int, int> expected)
    {
        var logs = Network.Run(neural, codes, kept);
        var steps = LowbandBlock.LogOf(LowbandBooks.Steps(codes.Specs[kept]));
        block.Begin(codes.Frames, Coefficients);
        for (var t = 0; t < codes.Frames; t++)
            for (var row = 0; row < Coefficients; row++)
            {
                var level = LowbandBlock.LevelOf(logs[t * Network.Stride + row], steps);
                block.Expect(row, t, level, expected(level));
            }
    }

    private IEnumerable<(Codes Piece, int Kept)> Blocks(IReadOnlyList<Codes> files, int blockFrames)
        => from file in files
           from item in Enumerable.Range(0, file.Batch)
           from start in Enumerable.Range(0, (file.Frames + blockFrames - 1) / blockFrames).Select(i => i * blockFrames)
           select (file.Row(item).Slice(start, Math.Min(blockFrames, file.Frames - start)), file.Books - Coefficients);

    private static void Walk(Codes piece, int kept, Action<int, int, int> see)
    {
        var steps = LowbandBooks.Steps(piece.Specs[kept]);
        for (var row = 0; kept + row < piece.Books; row++)
            for (var t = 0; t < piece.Frames; t++)
                see(row, t, piece[kept + row][t] - steps);
    }
}

/// <summary>The network of <see cref="LowbandPrior"/> in real numbers.</summary>
/// <param name="Input">First hidden layer over the sums of the embeddings (<see cref="NeuralPrior.Dequantize"/>) at the taps, oldest first; rectified.</param>
/// <param name="Middle">Second hidden layer, rectified.</param>
/// <param name="Output">log2 of the expected share of each coefficient.</param>
public sealed record LowbandWeights(LinearWeights Input, LinearWeights Middle, LinearWeights Output);
