namespace Codec.Core.Bitstream.Prediction;

/// <summary>
/// What the neural predictor sees of the codes around the one it predicts, as embeddings. The first book sees its own past;
/// higher books see the sum of all lower books before and after their frame, and the next lower book by itself.
/// </summary>
public static class NeuralContext
{
    /// <summary>Frames before a block that may be seen.</summary>
    public const int Past = 12;

    /// <summary>Frames after the present one that are seen of lower books.</summary>
    public const int Future = 3;

    /// <summary>The sum of the lower books is seen at the frames from minus this to <see cref="Future"/>.</summary>
    public const int LowerPast = 3;

    /// <summary>Frames at which a higher book sees the sum of the lower ones.</summary>
    public const int LowerTaps = LowerPast + 1 + Future;

    /// <summary>
    /// Embedding vectors that a book's input layer reads, in this order. Not for book 0: the sums of the lower books at
    /// <see cref="LowerTaps"/> frames, their mean over the block, the next lower book at this frame. For all: the book's own last
    /// codes, oldest first, and the mean of its codes so far in the block.
    /// </summary>
    public static int Taps(int book) => OwnFirst(book) + OwnPast(book) + 1;

    /// <summary>Own codes that a book sees.</summary>
    public static int OwnPast(int book) => book == 0 ? Past : 4;

    /// <summary>Vectors before the book's own.</summary>
    public static int OwnFirst(int book) => book == 0 ? 0 : LowerTaps + 2;
}
