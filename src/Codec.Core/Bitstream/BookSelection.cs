using Codec.Core.Bitstream.Prediction;

namespace Codec.Core.Bitstream;

/// <summary>How much of a codec's codes is kept.</summary>
/// <param name="Books">Books, coarse first.</param>
/// <param name="Last">What the last of them is shrunk to; null: it is whole.</param>
public sealed record BookSelection(int Books, NestedBook? Last = null)
{
    /// <summary>All that can be kept of some books, by rising rate. A low band is kept whole, with all books before it.</summary>
    /// <param name="books">Of a codec or file; the last one may be nested already.</param>
    /// <param name="prior">Tables of these codes, which hold the nested books; null: whole books only.</param>
    public static IReadOnlyList<BookSelection> Of(IReadOnlyList<CodebookSpec> books, EntropyPrior? prior)
    {
        var all = new List<BookSelection>();
        var before = LowbandBooks.Before(books);
        for (var book = 0; book < before; book++)
        {
            var spec = books[book];
            foreach (var nested in (spec.Stride == 1 ? prior?.NestedBooks(book) : null) ?? [])
                if (nested.Size < spec.Size && nested.Map.Length == Math.Max(spec.Size, spec.NestedIn))
                    all.Add(new BookSelection(book + 1, nested));
            all.Add(new BookSelection(book + 1));
        }
        if (before < books.Count)
            all.Add(new BookSelection(books.Count));
        return all;
    }

    /// <summary>The books that are kept.</summary>
    public IReadOnlyList<CodebookSpec> Of(IReadOnlyList<CodebookSpec> books)
        => Last is null ? [.. books.Take(Books)] : [.. books.Take(Books - 1), Last.Spec];

    /// <summary>Bits per base frame of one stream before entropy coding; of a low band about those after it.</summary>
    public double BitsPerFrame(IReadOnlyList<CodebookSpec> books) => LowbandBooks.BitsPerFrame(Of(books));
}
