namespace Codec.Core.Bitstream;

/// <summary>
/// Byte-wise range coder with carry propagation (Martin 1979; the carry counting is Schindler's): 48-bit interval, so that
/// totals up to 2^24 lose less than 2^-16 of the range a symbol. All arithmetic is integer: the bytes are the same everywhere.
/// </summary>
public sealed class RangeEncoder : ISymbolCoder
{
    /// <summary>Largest total of a frequency table.</summary>
    public const uint LargestTotal = 1u << 24;

    internal const int Bits = 48;
    internal const ulong Whole = 1UL << Bits;
    internal const ulong Least = 1UL << (Bits - 8);

    private readonly ByteWriter _bytes = new();
    private ulong _low;
    private ulong _range = Whole;
    private int _held;      // bytes not yet written because a carry may still reach them: one value, then 0xFF's
    private byte _first;

    public bool Knows => true;

    public int Code(int symbol, ReadOnlySpan<uint> cumulative)
    {
        Narrow(cumulative[symbol], cumulative[symbol + 1] - cumulative[symbol], cumulative[^1]);
        return symbol;
    }

    public int CodeUniform(int symbol, int size)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)symbol, (uint)size);
        Narrow((uint)symbol, 1, (uint)size);
        return symbol;
    }

    public int CodeBit(int bit, uint one)
    {
        if (bit != 0)
            Narrow(0, one, 1 << 16);
        else
            Narrow(one, (1 << 16) - one, 1 << 16);
        return bit;
    }

    /// <summary>
    /// Ends the code with the fewest bytes that identify it when the decoder reads zeros past the end. The coder is ready
    /// for the next code afterwards; the bytes are valid until then.
    /// </summary>
    public ReadOnlySpan<byte> Finish()
    {
        // The value in [low, low + range) with the most trailing zero bits.
        var value = _low;
        for (var zeros = Bits; zeros > 0; zeros--)
        {
            var mask = (1UL << zeros) - 1;
            var rounded = (_low + mask) & ~mask;
            if (rounded - _low < _range)
            {
                value = rounded;
                break;
            }
        }
        _low = value;
        for (var i = 0; i < Bits / 8; i++)
            ShiftByte();
        FlushHeld();
        var bytes = _bytes.Written.TrimEnd((byte)0);
        Restart();
        return bytes;
    }

    private void Restart()
    {
        _bytes.Clear();
        _low = 0;
        _range = Whole;
        _held = 0;
    }

    private void Narrow(uint start, uint size, uint total)
    {
        ArgumentOutOfRangeException.ThrowIfZero(size);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(total, LargestTotal);
        var unit = _range / total;
        _low += unit * start;
        // The last symbol takes what the division left over.
        _range = start + size == total ? _range - unit * start : unit * size;
        while (_range <= Least)
        {
            ShiftByte();
            _range <<= 8;
        }
    }

    private void ShiftByte()
    {
        if (_low >= Whole) // carry into what is held
        {
            _first++;
            _bytes.Byte(_first);
            for (; _held > 1; _held--)
                _bytes.Byte(0);
            _held = 0;
            _low -= Whole;
        }
        var next = (byte)(_low >> (Bits - 8));
        if (next == 0xFF && _held > 0)
            _held++;
        else
        {
            FlushHeld();
            _first = next;
            _held = 1;
        }
        _low = (_low << 8) & (Whole - 1);
    }

    private void FlushHeld()
    {
        if (_held > 0)
            _bytes.Byte(_first);
        for (; _held > 1; _held--)
            _bytes.Byte(0xFF);
        _held = 0;
    }
}
