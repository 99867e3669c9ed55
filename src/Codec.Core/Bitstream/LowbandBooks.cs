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

    /// <summary>Share of a step by which coefficients are rounded towards zero: what is 0 costs least.</summary>
    public const double DeadZone = 0.2;

    /// <summary>The code of a coefficient.</summary>
    /// <param name="share">Of the largest that it may be.</param>
    /// <param name="steps">m.</param>
    public static int Code(float share, int steps)
    {
        var size = (int)MathF.Min(steps, MathF.Floor(MathF.Abs(share) * steps + (float)(0.5 - DeadZone)));
        return steps + (share < 0 ? -size : size);
    }

    /// <summary>Nearly the codes that fewer steps would have given: what they cost can be told beforehand.</summary>
    /// <param name="codes">Of more steps.</param>
    /// <param name="coarser">The books that are wanted.</param>
    /// <param name="books">That come before the low band.</param>
    /// <param name="steps">Of the wanted books.</param>
    internal static Codes Coarser(Codes codes, IReadOnlyList<CodebookSpec> coarser, int books, int steps)
    {
        var fine = Steps(codes.Specs[^1]);
        int[] map = [.. Enumerable.Range(-fine, 2 * fine + 1).Select(code => Code((float)code / fine, steps))];
        int[][][] kept = [.. Enumerable.Range(0, codes.Books).Select(book => Enumerable.Range(0, codes.Batch)
            .Select(item => book < books ? codes[book, item].ToArray() : Array.ConvertAll(codes[book, item].ToArray(), code => map[code])).ToArray())];
        return new Codes(coarser, kept, codes.Frames);
    }
}
