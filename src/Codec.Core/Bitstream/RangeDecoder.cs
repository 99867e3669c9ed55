namespace Codec.Core.Bitstream;

/// <summary>
/// Reads what <see cref="RangeEncoder"/> wrote. Any bytes decode to some valid symbols and zeros follow the end,
/// so damage never throws here: checksums find it before.
/// </summary>
public sealed class RangeDecoder : ISymbolCoder
{
    private readonly ReadOnlyMemory<byte> _bytes;
    private int _position;
    private ulong _value;                          // code minus low
    private ulong _range = RangeEncoder.Whole;

    public RangeDecoder(ReadOnlyMemory<byte> bytes)
    {
        _bytes = bytes;
        for (var i = 0; i < RangeEncoder.Bits / 8; i++)
            _value = _value << 8 | Next();
    }

    public bool Knows => false;

    public int Code(int symbol, ReadOnlySpan<uint> cumulative)
    {
        var total = cumulative[^1];
        var unit = _range / total;
        var target = (uint)Math.Min(_value / unit, total - 1);
        var found = Find(cumulative, target);
        Narrow(unit, cumulative[found], cumulative[found + 1] - cumulative[found], total);
        return found;
    }

    public int CodeUniform(int symbol, int size)
    {
        var unit = _range / (uint)size;
        var found = (int)Math.Min(_value / unit, (ulong)size - 1);
        Narrow(unit, (uint)found, 1, (uint)size);
        return found;
    }

    public int CodeBit(int bit, uint one)
    {
        const uint total = 1 << 16;
        var unit = _range / total;
        if (_value < unit * one)
        {
            Narrow(unit, 0, one, total);
            return 1;
        }
        Narrow(unit, one, total - one, total);
        return 0;
    }

    /// <summary>The last symbol whose start is not above the target.</summary>
    private static int Find(ReadOnlySpan<uint> cumulative, uint target)
    {
        var low = 0;
        var high = cumulative.Length - 1;
        while (high - low > 1)
        {
            var middle = (low + high) / 2;
            if (cumulative[middle] <= target)
                low = middle;
            else
                high = middle;
        }
        return low;
    }

    private void Narrow(ulong unit, uint start, uint size, uint total)
    {
        _value -= unit * start;
        _range = start + size == total ? _range - unit * start : unit * size;
        while (_range <= RangeEncoder.Least)
        {
            _value = _value << 8 | Next();
            _range <<= 8;
        }
    }

    private byte Next() => _position < _bytes.Length ? _bytes.Span[_position++] : (byte)0;
}
