using Codec.Core;
using Codec.Core.Bitstream;

namespace Codec.Training.Entropy;

/// <summary>A recording as the low band's tables learn from it.</summary>
/// <param name="Codes">Of all books, one batch item.</param>
/// <param name="FewestBooks">The number of kept books that the first shares belong to.</param>
/// <param name="Shares">[T][coefficients] where so many books are kept, where one more is, and so on.</param>
public sealed record LowbandRecording(Codes Codes, int FewestBooks, IReadOnlyList<float[]> Shares)
{
    /// <summary>Coefficients of a frame.</summary>
    public int Coefficients => Shares[0].Length / Codes.Frames;

    /// <summary>As [T][coefficients], where so many books are kept.</summary>
    public float[] SharesOf(int books) => Shares[books - FewestBooks];

    /// <summary>As a file holds it.</summary>
    /// <param name="books">That are kept.</param>
    /// <param name="steps">From 0 to the largest coefficient.</param>
    public Codes Join(int books, int steps) => LowbandBooks.Join(Codes.Take(books), [SharesOf(books)], Coefficients, steps);
}
