using System.Buffers.Binary;

namespace Codec.Core.Bitstream;

/// <summary>Finds the trailer from the end of a file.</summary>
internal static class SeekTable
{
    private const int MostBytes = 1 << 26;

    /// <summary>The trailer that the last bytes point to; null if there is none. Leaves the stream anywhere.</summary>
    public static Trailer? ReadTrailer(Stream stream, long origin, uint seed)
    {
        var end = stream.Length;
        if (end - origin < 4)
            return null;
        Span<byte> last = stackalloc byte[4];
        stream.Position = end - 4;
        stream.ReadExactly(last);
        var length = BinaryPrimitives.ReadUInt32LittleEndian(last);
        if (length > MostBytes || length > end - origin)
            return null;
        stream.Position = end - length;
        var bytes = new byte[length];
        stream.ReadExactly(bytes);
        return Trailer.TryParse(bytes, seed, out _);
    }
}
