namespace Codec.Core.Bitstream.Interop;

/// <summary>Fixed-width numbers packed from the lowest bit up, as in EnCodec's <c>binary.py</c>; the last byte is filled with zeros.</summary>
public static class BitPacking
{
    public static byte[] Pack(ReadOnlySpan<int> values, int bits)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)bits - 1, 30u);
        var bytes = new byte[((long)values.Length * bits + 7) / 8];
        long place = 0;
        foreach (var value in values)
            for (var bit = 0; bit < bits; bit++, place++)
                bytes[place >> 3] |= (byte)((value >> bit & 1) << (int)(place & 7));
        return bytes;
    }

    /// <param name="bytes">At least as many as the values take.</param>
    /// <param name="bits">1 to 31.</param>
    /// <param name="count">How many values.</param>
    public static int[] Unpack(ReadOnlySpan<byte> bytes, int bits, int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)bits - 1, 30u);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((long)count * bits, 8L * bytes.Length, nameof(count));
        var values = new int[count];
        long place = 0;
        foreach (ref var value in values.AsSpan())
            for (var bit = 0; bit < bits; bit++, place++)
                value |= (bytes[(int)(place >> 3)] >> (int)(place & 7) & 1) << bit;
        return values;
    }
}
