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

    /// <summary>Books of one odd size at the end of a file: from so many on they are a low band.</summary>
    public const int FewestAlike = 8;

    /// <summary>Added to a size before it is rounded down.</summary>
    internal const double Rounding = 0.3;

    private const int NominalSteps = 60;
    private const double NominalBits = 0.5, NominalPower = 0.9;

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

    /// <summary>Books before those that can only be a low band: at least <see cref="FewestAlike"/> at the end of one odd size, but not <see cref="VariableBooks"/>. All of them where there are none.</summary>
    public static int Before(IReadOnlyList<CodebookSpec> books)
    {
        if (books.Count == 0)
            return 0;
        var (first, last) = (books.Count, books[^1]);
        while (first > 0 && books[first - 1] == last)
            first--;
        if (first == VariableBooks.First && last.Size == books[0].Size + 1)
            return books.Count;
        return first > 0 && books.Count - first >= FewestAlike && last is { Stride: 1, NestedIn: 0 } && last.Size % 2 == 1 && Steps(last) is >= FewestSteps and <= MostSteps ? first : books.Count;
    }

    /// <summary>The most books, up to a number of them, that hold a low band whole or not at all.</summary>
    public static int Within(IReadOnlyList<CodebookSpec> books, int most) => most >= books.Count ? books.Count : Math.Min(most, Before(books));

    /// <summary>About the bits that a coefficient takes in speech, entropy-coded: most are zero.</summary>
    public static double BitsPerCoefficient(CodebookSpec book) => NominalBits * Math.Pow(Steps(book) / (double)NominalSteps, NominalPower);

    /// <summary>Bits per base frame before entropy coding, but of a low band after it.</summary>
    public static double BitsPerFrame(IReadOnlyList<CodebookSpec> books)
    {
        var before = Before(books);
        return books.Take(before).Sum(book => book.BitsPerCode / book.Stride) + books.Skip(before).Sum(BitsPerCoefficient);
    }

    /// <summary>The code of a coefficient.</summary>
    /// <param name="share">Of the largest coefficient.</param>
    /// <param name="steps">m.</param>
    public static int CodeOf(float share, int steps)
    {
        var size = (int)Math.Min(steps, Math.Floor(Math.Abs((double)share) * steps + Rounding));
        return share < 0 ? steps - size : steps + size;
    }

    /// <summary>Codes with a low band behind them.</summary>
    /// <param name="codes">Of the books that are kept. Shares memory.</param>
    /// <param name="shares">[B][T x coefficients] (<see cref="ILowbandCodec.LowbandShares"/>).</param>
    /// <param name="coefficients">Of a frame.</param>
    /// <param name="steps">m.</param>
    public static Codes Join(Codes codes, float[][] shares, int coefficients, int steps)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(shares.Length, codes.Batch);
        var books = new int[codes.Books + coefficients][][];
        for (var book = 0; book < books.Length; book++)
        {
            books[book] = new int[codes.Batch][];
            for (var item = 0; item < codes.Batch; item++)
            {
                var row = book < codes.Books ? codes[book, item].ToArray() : new int[codes.Frames];
                for (var t = 0; book >= codes.Books && t < row.Length; t++)
                    row[t] = CodeOf(shares[item][t * coefficients + book - codes.Books], steps);
                books[book][item] = row;
            }
        }
        return new Codes(Of(codes.Specs, codes.Books, coefficients, steps), books, codes.Frames).WithLowbandShares(shares);
    }

    /// <summary>The codes that other steps give.</summary>
    /// <param name="codes">Fresh from a codec with a low band.</param>
    /// <param name="books">That come before the low band.</param>
    /// <param name="steps">m.</param>
    internal static Codes WithSteps(Codes codes, int books, int steps)
        => Join(codes.Take(books), codes.LowbandShares ?? throw new ArgumentException("codes that were joined or read do not know what they were rounded from", nameof(codes)), codes.Books - books, steps);
}
