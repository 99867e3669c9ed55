using System.Buffers.Binary;

namespace Codec.Core.Bitstream;

/// <summary>What stands after the last block: exact length and seek table (FORMAT.md, "Trailer").</summary>
/// <param name="Samples">Samples per channel at the original rate.</param>
/// <param name="Frames">Base frames in all blocks.</param>
/// <param name="Blocks">Blocks in the file.</param>
/// <param name="Offsets">Offset in the file of every <see cref="Every"/>th block, from block 0.</param>
internal sealed record Trailer(long Samples, long Frames, long Blocks, IReadOnlyList<long> Offsets)
{
    /// <summary>Blocks from one entry of the seek table to the next.</summary>
    public const int Every = 16;

    /// <summary>Bytes of a trailer without seek table are fewer than this.</summary>
    public const int MostFixed = 64;

    public static ReadOnlySpan<byte> Marker => "CDCE"u8;

    public byte[] Write(uint seed)
    {
        var bytes = new ByteWriter();
        bytes.Bytes(Marker);
        bytes.Varint((ulong)Samples);
        bytes.Varint((ulong)Frames);
        bytes.Varint((ulong)Blocks);
        long last = 0;
        foreach (var offset in Offsets)
        {
            bytes.Varint((ulong)(offset - last));
            last = offset;
        }
        bytes.UInt32(Crc32C.Compute(bytes.Written, seed));
        bytes.UInt32((uint)bytes.Length + 4);
        return bytes.Written.ToArray();
    }

    /// <summary>A trailer at the start of the bytes; null where there is none, it is cut, or it is damaged.</summary>
    /// <param name="bytes">From the marker; what follows the trailer does not matter.</param>
    /// <param name="seed">Checksum of the header.</param>
    /// <param name="length">Bytes of the trailer.</param>
    public static Trailer? TryParse(ReadOnlySpan<byte> bytes, uint seed, out int length)
    {
        length = 0;
        if (!bytes.StartsWith(Marker))
            return null;
        var reader = new ByteReader(bytes);
        reader.Bytes(Marker.Length, "marker");
        if (!reader.TryVarint(out var samples, long.MaxValue) || !reader.TryVarint(out var frames, long.MaxValue)
            || !reader.TryVarint(out var blocks, uint.MaxValue) || blocks > frames)
            return null;
        var entries = (blocks + Every - 1) / Every;
        if (entries > (ulong)reader.Left)
            return null;
        var offsets = new List<long>((int)entries);
        for (long last = 0; (ulong)offsets.Count < entries;)
        {
            if (!reader.TryVarint(out var step, int.MaxValue))
                return null;
            offsets.Add(last += (long)step);
        }
        length = reader.Position + 8;
        if (reader.Left < 8)
            return null;
        var checksum = Crc32C.Compute(bytes[..reader.Position], seed);
        return BinaryPrimitives.ReadUInt32LittleEndian(bytes[reader.Position..]) == checksum
            && BinaryPrimitives.ReadUInt32LittleEndian(bytes[(reader.Position + 4)..]) == length
            ? new Trailer((long)samples, (long)frames, (long)blocks, offsets)
            : null;
    }
}
