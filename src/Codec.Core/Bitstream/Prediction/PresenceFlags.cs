namespace Codec.Core.Bitstream.Prediction;

/// <summary>Whether a frame has a book, where it has the next lower one: an adaptive bit under what the frame before had.</summary>
internal sealed class PresenceFlags(int books)
{
    private const int Contexts = 3, Rate = 5;

    private readonly ushort[] _ones = new ushort[books * Contexts]; // probability of presence, in units of 2^-16

    public void Reset()
    {
        for (var i = 0; i < _ones.Length; i++)
            _ones[i] = (i % Contexts) switch { 0 => 52000, 1 => 20000, _ => 32768 };
    }

    /// <param name="coder">Writes or reads it.</param>
    /// <param name="book">Its number.</param>
    /// <param name="before">What the frame before had.</param>
    /// <param name="present">Ignored when decoding.</param>
    public bool Code(ISymbolCoder coder, int book, FrameBefore before, bool present)
    {
        ref var one = ref _ones[book * Contexts + (int)before];
        present = coder.CodeBit(present ? 1 : 0, one) != 0;
        one = (ushort)(present ? one + ((65536 - one) >> Rate) : one - (one >> Rate));
        return present;
    }
}

/// <summary>What the frame before one had of a book. The first frame of a block counts as one after a frame that had it.</summary>
internal enum FrameBefore
{
    HadBook,
    HadLowerBook,
    HadNeither,
}
