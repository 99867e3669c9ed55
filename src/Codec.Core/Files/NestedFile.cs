using Codec.Audio;
using Codec.Core.Bitstream;
using Codec.Core.Bitstream.Prediction;
using Codec.Core.Checkpoints;
using Codec.Core.Concealment;

namespace Codec.Core.Files;

/// <summary>Codecs for files whose books are not the first ones of a codec as they are: nested, missing in frames, or with a low band.</summary>
public static class NestedFile
{
    /// <summary>Everything that a codec's files may keep, by rising rate.</summary>
    public static IReadOnlyList<BookSelection> Selections(CodecInfo codec)
        => BookSelection.Of(codec.Books, EntropyPriors.For(CodecFileHeader.HashPrefix(codec.TokenHash), codec.Books));

    /// <summary>The most that fits a rate, before entropy coding.</summary>
    /// <param name="codec">Of all books.</param>
    /// <param name="bitsPerSecond">Of all channels together.</param>
    /// <param name="channels">Of the recording.</param>
    /// <param name="name">Of the rate, for the message.</param>
    /// <exception cref="ConfigException">Nothing fits.</exception>
    public static BookSelection Fitting(CodecInfo codec, double bitsPerSecond, int channels, string name)
    {
        var streams = (channels + codec.Channels - 1) / codec.Channels;
        double Rate(BookSelection selection) => selection.BitsPerFrame(codec.Books) * codec.FrameRate * streams;
        var all = Selections(codec);
        Require.That(bitsPerSecond >= Rate(all[0]) * 0.999, name, FormattableString.Invariant($"at least {Rate(all[0]) / 1000:0.###} ({codec.Name}, {channels} channel(s))"), bitsPerSecond / 1000);
        return all.Last(selection => Rate(selection) <= bitsPerSecond * 1.001);
    }

    /// <summary>A codec of the books that are kept: itself where they are whole.</summary>
    /// <param name="codec">Stays the caller's, and is used by the result.</param>
    /// <param name="nested">What the last book is shrunk to; null: it is whole.</param>
    /// <exception cref="CheckpointException">The codec's books cannot be shrunk.</exception>
    public static ICodec WithNested(this ICodec codec, NestedBook? nested)
    {
        if (nested is null || codec.Info.Books.Count == nested.Book + 1 && codec.Info.Books[nested.Book] == nested.Spec)
            return codec;
        try
        {
            return codec is INestingCodec nesting ? nesting.WithNested(nested) : throw new NotSupportedException($"{codec.Info.Name}: its books cannot be shrunk");
        }
        catch (Exception e) when (e is NotSupportedException or ArgumentException)
        {
            throw new CheckpointException(codec.Info.Name, e.Message, e);
        }
    }

    /// <summary>A codec of the books of a file: itself where they are whole, every frame has them all and no low band follows.</summary>
    /// <exception cref="CheckpointException">The codec has no such books.</exception>
    /// <exception cref="BitstreamException">The tables that describe a nested book are not at hand.</exception>
    public static ICodec WithBooksOf(this ICodec codec, CodecFileHeader header)
        => VariableBooks.Are(header.Books, codec.Info.Books) ? codec.WithVariableBooks(0)
        : LowbandBooks.Before(header.Books) is var before && before < header.Books.Count && !header.Books.SequenceEqual(codec.Info.Books)
            ? codec.WithLowband(before, LowbandBooks.Steps(header.Books[^1]), header.Books.Count - before)
        : codec.WithNested(Of(header));

    /// <summary>A codec of some books and the waveform's low band.</summary>
    /// <param name="codec">Stays the caller's, and is used by the result.</param>
    /// <param name="books">Books that are kept.</param>
    /// <param name="steps">See <see cref="LowbandBooks"/>.</param>
    /// <param name="coefficients">That the low band must have; null: as many as the codec's.</param>
    /// <exception cref="CheckpointException">The codec has no low band, or another.</exception>
    public static ICodec WithLowband(this ICodec codec, int books, int steps, int? coefficients = null)
    {
        try
        {
            return codec is ILowbandCodec lowband && lowband.LowbandCoefficients > 0 && (coefficients ?? lowband.LowbandCoefficients) == lowband.LowbandCoefficients
                ? lowband.WithLowband(books, steps)
                : throw new NotSupportedException($"{codec.Info.Name}: its decoder takes no low band{(coefficients is null ? "" : $" of {coefficients} coefficients")}");
        }
        catch (NotSupportedException e)
        {
            throw new CheckpointException(codec.Info.Name, e.Message, e);
        }
    }

    /// <summary>A codec whose frames may lack books.</summary>
    /// <exception cref="CheckpointException">Its books cannot be missing.</exception>
    public static ICodec WithVariableBooks(this ICodec codec, double share)
    {
        try
        {
            return codec is IVariableCodec variable ? variable.WithVariableBooks(share) : throw new NotSupportedException($"{codec.Info.Name}: every frame has all of its books");
        }
        catch (NotSupportedException e)
        {
            throw new CheckpointException(codec.Info.Name, e.Message, e);
        }
    }

    /// <summary>What the last book of a file is shrunk to; null: it is whole.</summary>
    /// <exception cref="BitstreamException">The tables that say so are not at hand.</exception>
    public static NestedBook? Of(CodecFileHeader header)
    {
        if (header.Books[^1].NestedIn == 0)
            return null;
        return EntropyPriors.Find(header.Prior) is { } prior ? prior.Nested(header.Books)
            : throw new BitstreamException("entropy prior", 0, $"the tables {header.Prior:x8} that describe a nested book", "other tables only");
    }

    /// <summary>A repair of whole books for a file whose last one is nested, or that has a low band.</summary>
    internal static ILostFrameRepair? Repair(ILostFrameRepair? repair, CodecFileHeader header)
        => repair is null ? null
        : LowbandBooks.Before(header.Books) is var kept && kept < header.Books.Count ? new LowbandRepair(repair, kept)
        : Of(header) is { } nested ? new NestedRepair(repair, nested) : repair;

    /// <summary>The low band of what is made up is empty.</summary>
    private sealed class LowbandRepair(ILostFrameRepair repair, int kept) : ILostFrameRepair
    {
        public int ContextFrames => repair.ContextFrames;

        public int LongestGap => repair.LongestGap;

        public FilledFrames Fill(LostFrames gap)
        {
            var filled = repair.Fill(gap with { Books = [.. gap.Books.Take(kept)], Before = gap.Before?.Take(kept), After = gap.After?.Take(kept) });
            int[][][] books = [.. Enumerable.Range(0, gap.Books.Count).Select(book => Enumerable.Range(0, gap.Streams).Select(item =>
                book < kept ? filled.Codes[book, item].ToArray() : [.. Enumerable.Repeat(LowbandBooks.Steps(gap.Books[book]), gap.Frames)]).ToArray())];
            return filled with { Codes = new Codes(gap.Books, books, gap.Frames).WithSegments(filled.Codes.Segments) };
        }
    }

    /// <summary>Each cluster stands for its heaviest code while gaps are filled.</summary>
    private sealed class NestedRepair(ILostFrameRepair repair, NestedBook nested) : ILostFrameRepair
    {
        private readonly int[] _heaviest = [.. Enumerable.Range(0, nested.Size).Select(cluster =>
            Enumerable.Range(0, nested.Map.Length).Where(code => nested.Map[code] == cluster).MaxBy(code => nested.Weights[code]))];

        public int ContextFrames => repair.ContextFrames;

        public int LongestGap => repair.LongestGap;

        public FilledFrames Fill(LostFrames gap)
        {
            var filled = repair.Fill(gap with
            {
                Books = [.. gap.Books.SkipLast(1), new CodebookSpec(nested.Map.Length)],
                Before = Expand(gap.Before),
                After = Expand(gap.After),
            });
            return filled with { Codes = nested.Shrink(filled.Codes) };
        }

        private Codes? Expand(Codes? codes) => codes is null ? null : nested.Expand(codes, cluster => _heaviest[cluster]);
    }
}
