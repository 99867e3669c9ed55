namespace Codec.Core.Bitstream;

/// <summary>
/// Books that a frame may lack (variable rate): the third and higher ones have one code more than they have entries, the last, which stands
/// for nothing. A frame that lacks a book lacks all higher ones (FORMAT.md, "Variable rate").
/// </summary>
public static class VariableBooks
{
    /// <summary>The first book that may be missing.</summary>
    public const int First = 2;

    /// <summary>The books of a codec, with the code for nothing where there is one.</summary>
    public static IReadOnlyList<CodebookSpec> Of(IReadOnlyList<CodebookSpec> whole)
        => [.. whole.Select((book, k) => k < First ? book : book with { Size = book.Size + 1 })];

    /// <summary>Whether books are the first ones of a codec, some of which may be missing.</summary>
    public static bool Are(IReadOnlyList<CodebookSpec> books, IReadOnlyList<CodebookSpec> whole)
        => books.Count > First && books.Count <= whole.Count && books.All(book => book.Stride == 1) && books.SequenceEqual(Of([.. whole.Take(books.Count)]));
}
