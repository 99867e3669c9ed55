namespace Codec.Core.Bitstream;

/// <summary>
/// Quantized coefficients of the waveform's low band, put behind the first books of a codec as one more book for each coefficient: all of one odd size,
/// 2 m + 1 codes for m steps either way, code m for 0. The size so tells the quantization step (FORMAT.md, "Low band").
/// </summary>
public static class LowbandBooks
{
    /// <summary>Steps from 0 to the largest coefficient: at least so many.</summary>
    public const int FewestSteps = 4;

    /// <summary>Steps from 0 to the largest coefficient: at most so many.</summary>
    public const int MostSteps = 511;

    /// <summary>The first books of a codec with those of the low band behind them.</summary>
    /// <param name="whole">The books of the codec.</param>
    /// <param name="books">How many of them are kept, at least one.</param>
    /// <param name="coefficients">Of a frame.</param>
    /// <param name="steps">From 0 to the largest coefficient.</param>
    public static IReadOnlyList<CodebookSpec> Of(IReadOnlyList<CodebookSpec> whole, int books, int coefficients, int steps)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(books);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(books, whole.Count);
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, FewestSteps);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(steps, MostSteps);
        return [.. whole.Take(books), .. Enumerable.Repeat(new CodebookSpec(2 * steps + 1), coefficients)];
    }

    /// <summary>Whether books are the first ones of a codec with a low band behind them.</summary>
    /// <param name="books">Of a file or of codes.</param>
    /// <param name="whole">The books of the codec.</param>
    /// <param name="coefficients">Of a frame; 0: the codec has no low band.</param>
    public static bool Are(IReadOnlyList<CodebookSpec> books, IReadOnlyList<CodebookSpec> whole, int coefficients)
    {
        var kept = books.Count - coefficients;
        return coefficients > 0 && kept >= 1 && kept <= whole.Count && Steps(books[^1]) is var steps and >= FewestSteps and <= MostSteps
            && books.SequenceEqual(Of(whole, kept, coefficients, steps));
    }

    /// <summary>m, of a book of the low band.</summary>
    public static int Steps(CodebookSpec book) => (book.Size - 1) / 2;
}
