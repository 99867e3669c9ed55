namespace Codec.Core.Bitstream;

/// <summary>
/// One direction of entropy coding. Models call the same method to write and to read: an encoder codes the symbol
/// it is given and returns it, a decoder ignores the argument and returns the symbol it finds.
/// </summary>
public interface ISymbolCoder
{
    /// <summary>Whether the symbols are known beforehand, as they are to an encoder: a model may then look at all of a book at once.</summary>
    bool Knows { get; }

    /// <summary>One symbol under integer frequencies.</summary>
    /// <param name="symbol">In [0, cumulative.Length - 1); ignored when decoding.</param>
    /// <param name="cumulative">Rising from 0 to the total, which is at most <see cref="RangeEncoder.LargestTotal"/>;
    /// symbol s owns [cumulative[s], cumulative[s + 1]), which must not be empty for a symbol that is coded.</param>
    int Code(int symbol, ReadOnlySpan<uint> cumulative);

    /// <summary>One of <paramref name="size"/> equally likely symbols.</summary>
    int CodeUniform(int symbol, int size);

    /// <summary>One binary decision.</summary>
    /// <param name="bit">0 or 1; ignored when decoding.</param>
    /// <param name="one">Probability of 1 in units of 2^-16, from 1 to 65535.</param>
    int CodeBit(int bit, uint one);
}
