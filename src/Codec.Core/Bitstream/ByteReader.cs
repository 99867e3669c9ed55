using System.Buffers.Binary;

namespace Codec.Core.Bitstream;

/// <summary>Reads the container's number formats from bytes that nobody has checked yet.</summary>
internal ref struct ByteReader(ReadOnlySpan<byte> bytes, long origin = 0)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private readonly long _origin = origin;

    public int Position { get; private set; }

    public readonly int Left => _bytes.Length - Position;

    public bool TryByte(out byte value)
    {
        value = 0;
        if (Left < 1)
            return false;
        value = _bytes[Position++];
        return true;
    }

    /// <returns>False at the end of the bytes, and for numbers above <paramref name="most"/>.</returns>
    public bool TryVarint(out ulong value, ulong most = ulong.MaxValue)
    {
        value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (!TryByte(out var next) || (shift == 63 && next > 1))
                return false;
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return value <= most && (next != 0 || shift == 0); // one spelling per number
        }
        return false;
    }

    public byte Byte(string field)
        => TryByte(out var value) ? value : throw End(field);

    public ulong Varint(string field, ulong least, ulong most)
    {
        var start = Position;
        if (!TryVarint(out var value) || value < least || value > most)
            throw new BitstreamException(field, _origin + start, $"{least} to {most}", Left == 0 ? "the end of the bytes" : $"{value}");
        return value;
    }

    public ReadOnlySpan<byte> Bytes(int count, string field)
    {
        if (Left < count)
            throw End(field);
        Position += count;
        return _bytes.Slice(Position - count, count);
    }

    public uint UInt32(string field) => BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4, field));

    private readonly BitstreamException End(string field)
        => new(field, _origin + Position, "more bytes", $"{Left} left");
}
