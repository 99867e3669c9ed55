namespace Codec.Core.Bitstream;

/// <summary>
/// A predictor of codes: turns what is known into integer probabilities, the same for encoder and decoder.
/// Only integer arithmetic (or strictly ordered arithmetic) may decide a probability, never tensors.
/// One instance serves one stream of one file, on one thread.
/// </summary>
public interface ISymbolModel
{
    /// <summary>Forgets all that was learned from earlier blocks.</summary>
    void Reset();

    /// <summary>
    /// Codes one book of one block: all its codes in time order. May look at the lower books of the block at any time, and
    /// at earlier codes of this book; never at higher books, so that a file without them holds the same bytes.
    /// </summary>
    /// <param name="coder">Encoder, decoder or counter.</param>
    /// <param name="block">One batch item. Decoding: books below are filled, this book is filled by the call.</param>
    /// <param name="book">Called with 0, 1, 2 ... for each block.</param>
    void Code(ISymbolCoder coder, Codes block, int book);
}
