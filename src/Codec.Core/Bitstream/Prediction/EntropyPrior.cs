namespace Codec.Core.Bitstream.Prediction;

/// <summary>Trained tables of a predictor, made for the codes of one encoder and quantizer. Files name them by <see cref="Id"/>.</summary>
public abstract class EntropyPrior
{
    /// <summary>First bytes of the <see cref="CodecInfo.TokenHash"/> of the codec whose codes these tables predict.</summary>
    public abstract uint TokenHash { get; }

    /// <summary>Identifies these tables in file headers; never 0.</summary>
    public abstract uint Id { get; }

    /// <summary>The predictor that stands in headers of files whose blocks stand alone.</summary>
    public abstract Predictor Predictor { get; }

    /// <summary>True where these tables can predict books: a prefix of their own, all at the base frame rate.</summary>
    public abstract bool Fits(IReadOnlyList<CodebookSpec> books);

    /// <summary>What a book can be shrunk to, smallest first.</summary>
    public virtual IReadOnlyList<NestedBook> NestedBooks(int book) => [];

    /// <summary>The nested book that stands last among some; null where that one is whole.</summary>
    /// <exception cref="BitstreamException">These tables do not know it.</exception>
    public NestedBook? Nested(IReadOnlyList<CodebookSpec> books)
    {
        if (books[^1].NestedIn == 0)
            return null;
        return Find(books) ?? throw new BitstreamException("entropy prior", 0, $"the clusters of a nested book of {books[^1].Size}", "tables without them");
    }

    /// <summary>As <see cref="Nested"/>, null also where these tables do not know it.</summary>
    private protected NestedBook? Find(IReadOnlyList<CodebookSpec> books)
        => NestedBooks(books.Count - 1).FirstOrDefault(nested => nested.Spec == books[^1]);

    /// <summary>The same tables for another codec whose codes mean the same.</summary>
    public abstract EntropyPrior For(uint tokenHash);

    /// <summary>Bytes of a file (FORMAT.md, "Prior files").</summary>
    public abstract byte[] ToBytes();

    /// <summary>Tables of any kind.</summary>
    /// <exception cref="BitstreamException">None, or damaged.</exception>
    public static EntropyPrior Parse(ReadOnlySpan<byte> bytes)
        => bytes.StartsWith(TreeTables.Magic) ? TreeTables.Parse(bytes) : bytes.StartsWith(LowbandPrior.Magic) ? LowbandPrior.Parse(bytes) : NeuralPrior.Parse(bytes);

    /// <summary>Looks at length, magic and checksum of a file of tables.</summary>
    private protected static void Check(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> magic, string kind)
    {
        const int mostBytes = 1 << 26;
        if (bytes.Length is < 12 or > mostBytes || !bytes.StartsWith(magic))
            throw new BitstreamException("magic", 0, kind, Convert.ToHexString(bytes[..Math.Min(4, bytes.Length)]));
        if (ChecksumOf(bytes) != Crc32C.Compute(bytes[..^4]))
            throw new BitstreamException("checksum", bytes.Length - 4, "that of the bytes", "another");
    }

    /// <summary>The last four bytes.</summary>
    private protected static uint ChecksumOf(ReadOnlySpan<byte> bytes) => System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(bytes[^4..]);
}
