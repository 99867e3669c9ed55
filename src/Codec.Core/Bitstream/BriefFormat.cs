using System.Buffers.Binary;

namespace Codec.Core.Bitstream;

/// <summary>
/// A file of one block with one checksum around everything (FORMAT.md, "Brief files"): what frames a block that others follow would weigh
/// a tenth of a second's codes at low rates, and protects nothing where there is one block to lose.
/// </summary>
internal static class BriefFormat
{
    /// <summary>The whole file.</summary>
    /// <param name="header">Its block is this one; the samples are known.</param>
    /// <param name="block">Without side data; the predictor starts anew in it.</param>
    public static byte[] Write(CodecFileHeader header, PackedBlock block)
    {
        var bytes = new ByteWriter();
        HeaderFormat.WriteFields(bytes, header, block.Frames);
        foreach (var length in block.Lengths.AsSpan()[..^1])
            bytes.Varint((ulong)length);
        bytes.Bytes(block.Sections.Span);
        bytes.UInt32(Crc32C.Compute(bytes.Written));
        return bytes.Written.ToArray();
    }

    /// <summary>Reads to the end of the file, which must come no later than a block of these frames can.</summary>
    /// <param name="source">Behind the header.</param>
    /// <param name="header">Of the file.</param>
    /// <param name="seed">Checksum of the header's bytes.</param>
    /// <returns>Whether the file is whole.</returns>
    public static bool IsWhole(ByteSource source, CodecFileHeader header, uint seed)
    {
        var sections = header.Streams * header.Books.Count;
        var most = header.Symbols(header.BlockFrames) * header.Streams * BlockCoder.BytesPerSymbol + 20L * sections + 4;
        return !source.Ensure((int)most + 1) && source.Available >= 4
            && Crc32C.Compute(source.Window[..^4], seed) == BinaryPrimitives.ReadUInt32LittleEndian(source.Window[^4..]);
    }

    /// <summary>Where things lie in a file that is whole; false where they cannot be those of a block.</summary>
    public static bool TryParse(ByteSource source, int frames, BlockCoder coder, out BlockLayout layout)
    {
        layout = default;
        var reader = new ByteReader(source.Window[..^4]);
        var lengths = new int[coder.Sections];
        long total = 0;
        for (var i = 0; i + 1 < lengths.Length; total += lengths[i++])
        {
            if (!reader.TryVarint(out var length, (ulong)reader.Left))
                return false;
            lengths[i] = (int)length;
        }
        if (total > reader.Left)
            return false;
        lengths[^1] = reader.Left - (int)total;
        for (var i = 0; i < lengths.Length; i++)
            if (!BlockFormat.Plausible(lengths[i], coder.Symbols(i, frames)))
                return false;
        layout = new BlockLayout(true, 0, frames, 0, lengths, reader.Position, source.Available - 4);
        return true;
    }
}
