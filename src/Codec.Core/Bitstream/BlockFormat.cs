namespace Codec.Core.Bitstream;

/// <summary>Where things lie in a block (FORMAT.md, "Block").</summary>
internal readonly record struct BlockLayout(bool Reset, int Residue, int Frames, int SideBytes, int[] Sections, int Start, int Length)
{
    /// <summary>Bytes of the block with its checksum.</summary>
    public int Total => Length + 4;
}

/// <summary>A block as bytes, without the framing that depends on the file.</summary>
/// <param name="Frames">Base frames.</param>
/// <param name="Reset">The predictor starts anew here.</param>
/// <param name="Side">What the writer attached.</param>
/// <param name="Lengths">Bytes of each section.</param>
/// <param name="Sections">All sections, joined.</param>
internal sealed record PackedBlock(int Frames, bool Reset, ReadOnlyMemory<byte> Side, int[] Lengths, ReadOnlyMemory<byte> Sections);

/// <summary>Bytes around the sections of a block (FORMAT.md, "Block").</summary>
internal static class BlockFormat
{
    /// <summary>Block numbers are written modulo this.</summary>
    public const int IndexModulus = 32;

    /// <summary>Largest number of bytes attached to one block.</summary>
    public const int MostSideBytes = 1 << 16;

    private const int IsReset = 1, IsShort = 2, HasSide = 4;

    public static void Write(ByteWriter bytes, CodecFileHeader header, uint seed, long index, PackedBlock block)
    {
        var start = bytes.Length;
        var isShort = block.Frames != header.BlockFrames;
        var flags = (block.Side.Length > 0 ? HasSide : 0) | (isShort ? IsShort : 0) | (block.Reset ? IsReset : 0);
        bytes.Byte((byte)(index % IndexModulus << 3 | (uint)flags));
        if (isShort)
            bytes.Varint((ulong)block.Frames);
        if (block.Side.Length > 0)
            bytes.Varint((ulong)block.Side.Length);
        foreach (var length in block.Lengths)
            bytes.Varint((ulong)length);
        bytes.Bytes(block.Side.Span);
        bytes.Bytes(block.Sections.Span);
        bytes.UInt32(Checksum(bytes.Written[start..], seed, index));
    }

    /// <summary>Covers the header (by its own checksum, the seed), the block and the block's whole number.</summary>
    public static uint Checksum(ReadOnlySpan<byte> block, uint seed, long index)
        => Crc32C.Append(Crc32C.Compute(block, seed), (uint)index);

    /// <summary>Reads the lengths at a place in the window; false where they cannot be those of a block.</summary>
    /// <remarks>Asks the source for no more bytes than a block that began here would have.</remarks>
    public static bool TryParse(ByteSource source, int offset, CodecFileHeader header, BlockCoder coder, out BlockLayout layout)
    {
        layout = default;
        var place = offset;
        if (!source.Ensure(++place))
            return false;
        var head = source.Window[offset];
        var frames = header.BlockFrames;
        if ((head & IsShort) != 0 && (!TryNumber(source, ref place, header.BlockFrames - 1, out frames) || frames == 0))
            return false;
        var side = 0;
        if ((head & HasSide) != 0 && (!TryNumber(source, ref place, MostSideBytes, out side) || side == 0))
            return false;
        var lengths = new int[coder.Sections];
        long total = side;
        for (var i = 0; i < lengths.Length; i++)
        {
            var symbols = coder.Symbols(i, frames);
            if (!TryNumber(source, ref place, Most(symbols), out lengths[i]) || !Plausible(lengths[i], symbols))
                return false;
            total += lengths[i];
        }
        layout = new BlockLayout((head & IsReset) != 0, head >> 3, frames, side, lengths, place, (int)(place - offset + total));
        return true;
    }

    /// <summary>Whether a section of so many bytes can hold so many symbols.</summary>
    public static bool Plausible(int bytes, long symbols) => bytes <= Most(symbols) && symbols <= BlockCoder.SymbolsPerByte * (bytes + 1L);

    private static long Most(long symbols) => BlockCoder.BytesPerSymbol * symbols + 16;

    private static bool TryNumber(ByteSource source, ref int place, long most, out int value)
    {
        value = 0;
        for (var shift = 0; shift < 28; shift += 7)
        {
            if (!source.Ensure(place + 1))
                return false;
            var next = source.Window[place++];
            value |= (next & 0x7F) << shift;
            if (next < 0x80)
                return value <= most && (next != 0 || shift == 0);
        }
        return false;
    }
}
