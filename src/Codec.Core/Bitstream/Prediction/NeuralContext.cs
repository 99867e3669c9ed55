namespace Codec.Core.Bitstream.Prediction;

/// <summary>
/// What the neural predictor sees of the codes around the one it predicts, as sums and means of embeddings. The first book sees
/// its own past; higher books also see all lower books, before and after their frame.
/// </summary>
public static class NeuralContext
{
    /// <summary>Frames before a block that may be seen.</summary>
    public const int Past = 6;

    /// <summary>Frames after the present one that are seen of lower books.</summary>
    public const int Future = 2;

    /// <summary>Frames, relative to the present one, at which a higher book sees the sum of the lower books.</summary>
    public static ReadOnlySpan<int> LowerOffsets => [0, 1, 2, -1];

    /// <summary>Embedding vectors that a book's input layer reads: the sums of the lower books at <see cref="LowerOffsets"/> and their
    /// mean over the block (not for book 0), the book's own last codes, and the mean of its codes so far in the block.</summary>
    public static int Taps(int book) => (book == 0 ? 0 : LowerOffsets.Length + 1) + OwnPast(book) + 1;

    /// <summary>Own codes that a book sees.</summary>
    public static int OwnPast(int book) => book == 0 ? Past : 3;
}
