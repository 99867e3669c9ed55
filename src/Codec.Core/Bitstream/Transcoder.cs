using Codec.Core.Bitstream.Prediction;

namespace Codec.Core.Bitstream;

/// <summary>Rewrites a compressed file with fewer or smaller books, without touching audio.</summary>
public static class Transcoder
{
    /// <summary>
    /// The file that encoding with <paramref name="books"/> books would have given, byte for byte. Layered files lose
    /// sections and nothing is decoded; others are decoded to codes and coded again.
    /// </summary>
    /// <param name="input">A whole file; blocks that are damaged stay lost.</param>
    /// <param name="output">Receives the file; need not seek.</param>
    /// <param name="books">1 to the books of the file; where it has a low band at most those before it, or all.</param>
    /// <param name="models">Makes predictors; by default those of this library.</param>
    /// <exception cref="BitstreamException">The header is damaged or not ours.</exception>
    public static void DropBooks(Stream input, Stream output, int books, Func<CodecFileHeader, ISymbolModel>? models = null)
        => DropBooks(input, output, _ => new BookSelection(books), models);

    /// <summary>As the other, with what is kept chosen when the header is known. The last book can be shrunk to a nested one, too: it is then
    /// coded again, in every layout.</summary>
    /// <returns>The header that was written.</returns>
    public static CodecFileHeader DropBooks(Stream input, Stream output, Func<CodecFileHeader, BookSelection> choose, Func<CodecFileHeader, ISymbolModel>? models = null)
    {
        BookSelection? selection = null;
        // Cutting needs no predictor: a layered file can be thinned where its tables are not at hand.
        ISymbolModel Model(CodecFileHeader header)
            => (selection ??= choose(header)).Last is null && header.Layered ? new UniformModel() : (models ?? SymbolModels.Create)(header);
        using var reader = new CodecFileReader(input, Model, leaveOpen: true);
        var all = reader.Header.Books.Count;
        var (books, last) = selection ??= choose(reader.Header);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(books);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(books, all);
        if (LowbandBooks.Within(reader.Header.Books, books) != books)
            throw new ArgumentOutOfRangeException(nameof(choose), books, $"expected at most {LowbandBooks.Before(reader.Header.Books)} books, or all {all}: a low band is not cut");
        var header = reader.Header with { Books = selection.Of(reader.Header.Books) };
        if (header.Predictor == Predictor.NeuralVariable && books <= VariableBooks.First)
            header = header with { Predictor = Predictor.Neural };
        if (header.Predictor == Predictor.NeuralLowband && books < all)
            header = header with { Predictor = Predictor.Neural, Prior = (EntropyPriors.Find(header.Prior) as LowbandPrior)?.NeuralId ?? header.Prior };
        var held = last is not null && reader.Header.Books[books - 1].NestedIn != 0 ? EntropyPriors.Find(header.Prior)?.Nested(reader.Header.Books) : null;
        using var writer = new CodecFileWriter(output, header, models: Model, leaveOpen: true);
        long frames = 0;
        if (header.Layered && last is null)
            while (reader.ReadPacked(out var block))
            {
                frames += block?.Frames ?? header.BlockFrames;
                if (block is null)
                    writer.Skip(header.BlockFrames);
                else
                    writer.Append(Cut(block, all, books));
            }
        else
            foreach (var block in reader.ReadAll())
            {
                frames += block.Frames;
                if (block.Codes is null)
                    writer.Skip(block.Frames);
                else
                    writer.Append(writer.Pack(last?.Shrink(block.Codes, held) ?? block.Codes.Take(books), block.SideData, reader.LastReset));
            }
        writer.Finish(reader.Samples ?? (long)(frames * (double)header.HopLength * header.OriginalRate / header.SampleRate));
        return writer.Header;
    }

    private static PackedBlock Cut(PackedBlock block, int all, int books)
    {
        var lengths = new List<int>();
        var sections = new ByteWriter();
        var start = 0;
        for (var i = 0; i < block.Lengths.Length; start += block.Lengths[i++])
            if (i % all < books)
            {
                lengths.Add(block.Lengths[i]);
                sections.Bytes(block.Sections.Span.Slice(start, block.Lengths[i]));
            }
        return block with { Lengths = [.. lengths], Sections = sections.Written.ToArray() };
    }
}
