namespace Codec.Core.Bitstream.Interop;

/// <summary>
/// The arithmetic coder of EnCodec's <c>.ecdc</c> files with a language model, bit for bit: an interval that doubles until it
/// holds 2^24 values, narrowed in double arithmetic, common leading bits sent first, packed from the lowest bit of a byte.
/// </summary>
public static class EcdcArithmetic
{
    internal const int RangeBits = 24;

    /// <summary>Beyond this the interval no longer fits 64 bits; an honest stream comes here less than once in 2^30 symbols.</summary>
    internal const int MostBits = 60;

    /// <summary>Probabilities to the coder's cumulative table, in float32 as the reference computes it.</summary>
    /// <param name="probabilities">Of all symbols.</param>
    /// <returns>Entry s is the sum up to and with symbol s; every symbol has at least 2 of 2^24.</returns>
    public static int[] Quantize(ReadOnlySpan<float> probabilities)
    {
        const float roundoff = 1e-8f;
        const int least = 2;
        var scale = (float)((1.0 - (double)least * probabilities.Length / (1 << RangeBits)) * (1 << RangeBits));
        var cumulative = new int[probabilities.Length];
        var sum = 0L;
        for (var s = 0; s < cumulative.Length; s++)
        {
            var rounded = MathF.Floor(probabilities[s] / roundoff) * roundoff;
            sum += (long)MathF.Floor(scale * rounded) + least;
            cumulative[s] = (int)sum;
        }
        if (sum > 1 << RangeBits)
            throw new ArgumentException($"quantized probabilities: expected a sum of at most {1 << RangeBits}, found {sum}", nameof(probabilities));
        return cumulative;
    }

    /// <summary>Where [start, end) of 2^24 lies in an interval of <paramref name="width"/> values.</summary>
    internal static (long Low, long High) Part(long width, int start, int end)
    {
        var ratio = width / (double)(1 << RangeBits);
        return ((long)Math.Ceiling(start * ratio), (long)Math.Floor((end - 1) * ratio));
    }
}

/// <summary>Writes what <see cref="EcdcDecoder"/> reads.</summary>
public sealed class EcdcEncoder
{
    private readonly List<byte> _bits = [];
    private long _low;
    private long _high;
    private int _maxBit = -1;

    /// <summary>Low and high end of the interval and its highest bit, after the bits that are certain were sent.</summary>
    public (long Low, long High, int MaxBit) State => (_low, _high, _maxBit);

    /// <summary>Codes a symbol that owns [start, end) of 2^24.</summary>
    public void Push(int start, int end)
    {
        while (_high - _low + 1 < 1L << EcdcArithmetic.RangeBits)
        {
            if (++_maxBit > EcdcArithmetic.MostBits)
                throw new InvalidOperationException("the interval straddles its middle for too long");
            _low *= 2;
            _high = _high * 2 + 1;
        }
        var (low, high) = EcdcArithmetic.Part(_high - _low + 1, start, end);
        (_low, _high) = (_low + low, _low + high);
        for (; _maxBit >= 0 && (_low >> _maxBit & 1) == (_high >> _maxBit & 1); _maxBit--)
        {
            _bits.Add((byte)(_low >> _maxBit & 1));
            var certain = (_low >> _maxBit & 1) << _maxBit;
            _low -= certain;
            _high -= certain;
        }
    }

    /// <summary>Ends the code; the encoder starts afresh.</summary>
    public byte[] Finish()
    {
        for (; _maxBit >= 0; _maxBit--)
            _bits.Add((byte)(_low >> _maxBit & 1));
        var bytes = BitPacking.Pack([.. _bits.Select(bit => (int)bit)], 1);
        _bits.Clear();
        (_low, _high, _maxBit) = (0, 0, -1);
        return bytes;
    }
}

/// <summary>Reads the arithmetic code of an <c>.ecdc</c> segment.</summary>
/// <param name="bytes">From the first byte of the segment.</param>
public sealed class EcdcDecoder(ReadOnlyMemory<byte> bytes)
{
    private long _low;
    private long _high;
    private long _current;
    private int _maxBit = -1;
    private long _read;

    /// <summary>Whole bytes that were touched: the next segment starts there.</summary>
    public int BytesRead => (int)((_read + 7) / 8);

    /// <summary>The next symbol.</summary>
    /// <param name="cumulative">As <see cref="EcdcArithmetic.Quantize"/> makes it.</param>
    /// <exception cref="BitstreamException">The bits end, or no symbol fits them.</exception>
    public int Pull(ReadOnlySpan<int> cumulative)
    {
        while (_high - _low + 1 < 1L << EcdcArithmetic.RangeBits)
        {
            if (_read >= 8L * bytes.Length || ++_maxBit > EcdcArithmetic.MostBits)
                throw new BitstreamException("arithmetic code", _read / 8, "more bits", "the end");
            _low *= 2;
            _high = _high * 2 + 1;
            _current = _current * 2 + (bytes.Span[(int)(_read >> 3)] >> (int)(_read & 7) & 1);
            _read++;
        }
        var width = _high - _low + 1;
        var (from, to) = (0, cumulative.Length - 1);
        while (from <= to)
        {
            var middle = (from + to) / 2;
            var (low, high) = EcdcArithmetic.Part(width, middle == 0 ? 0 : cumulative[middle - 1], cumulative[middle]);
            if (_current < _low + low)
                to = middle - 1;
            else if (_current > _low + high)
                from = middle + 1;
            else
            {
                (_low, _high) = (_low + low, _low + high);
                DropCertainBits();
                return middle;
            }
        }
        throw new BitstreamException("arithmetic code", _read / 8, "bits that a symbol stands for", "others");
    }

    private void DropCertainBits()
    {
        for (; _maxBit >= 0 && (_low >> _maxBit & 1) == (_high >> _maxBit & 1); _maxBit--)
        {
            var certain = (_low >> _maxBit & 1) << _maxBit;
            _low -= certain;
            _high -= certain;
            _current -= certain;
        }
    }
}
