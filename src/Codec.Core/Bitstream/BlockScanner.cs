using System.Buffers.Binary;

namespace Codec.Core.Bitstream;

/// <summary>
/// Walks over the blocks of a file by their checksums, without decoding them. After damage it looks at every byte for the
/// next block that is whole; the block's number says how many are missing.
/// </summary>
internal sealed class BlockScanner(ByteSource source, CodecFileHeader header, BlockCoder coder, uint seed, int? brief)
{
    /// <summary>How far ahead of the expected number a block may be by its own checksum alone. More would make a false match likelier.</summary>
    private const int Near = 64 * BlockFormat.IndexModulus;

    /// <summary>How far ahead it may be where the next block is whole, too, and carries the next number: 18 hours of seconds.</summary>
    private const int Far = 1 << 16;

    private const int Renew = 1 << 16;

    private readonly List<uint> _prefix = [0]; // CRC registers of the window's prefixes, grown while searching

    /// <summary>Number of the block that should come next.</summary>
    public long Expected { get; set; }

    /// <summary>Number of the block that was found last.</summary>
    public long Index { get; private set; }

    /// <summary>Layout of that block, relative to the window, whose first byte is its first.</summary>
    public BlockLayout Layout { get; private set; }

    /// <summary>The trailer, once the walk has come to it.</summary>
    public Trailer? Trailer { get; private set; }

    /// <summary>Bytes that belonged to nothing.</summary>
    public long SkippedBytes { get; private set; }

    /// <summary>Goes to the next whole block; false at the end.</summary>
    public bool Next()
    {
        if (brief is { } frames)
            return NextBrief(frames);
        if (IsTrailer(0))
            return false;
        if (BlockFormat.TryParse(source, 0, header, coder, out var layout) && source.Ensure(layout.Total)
            && layout.Residue == Expected % BlockFormat.IndexModulus
            && BlockFormat.Checksum(source.Window[..layout.Length], seed, Expected) == Stored(0, layout))
        {
            Found(Expected, layout);
            return true;
        }
        return Resynchronize();
    }

    private bool NextBrief(int frames)
    {
        if (Expected > 0 || !BriefFormat.IsWhole(source, header, seed) || !BriefFormat.TryParse(source, frames, coder, out var layout))
            return false;
        Found(0, layout);
        return true;
    }

    /// <summary>Leaves the block that was found.</summary>
    public void Consume() => source.Skip(Layout.Total);

    private void Found(long index, BlockLayout layout)
    {
        Index = index;
        Layout = layout;
        Expected = index + 1;
    }

    private bool Resynchronize()
    {
        _prefix.RemoveRange(1, _prefix.Count - 1);
        for (var offset = 0; source.Ensure(offset + 1); offset++)
        {
            if (offset == Renew)
            {
                Drop(offset);
                offset = 0;
            }
            if (IsTrailer(offset))
            {
                Drop(offset);
                return false;
            }
            if (!BlockFormat.TryParse(source, offset, header, coder, out var layout) || !source.Ensure(offset + layout.Total))
                continue;
            if (Match(offset, layout) is not { } index)
                continue;
            Drop(offset);
            Found(index, layout with { Start = layout.Start - offset });
            return true;
        }
        Drop(source.Available);
        return false;
    }

    private void Drop(int count)
    {
        SkippedBytes += count;
        source.Skip(count);
        _prefix.RemoveRange(1, _prefix.Count - 1);
    }

    /// <summary>The number that makes the checksum right; null if none does.</summary>
    private long? Match(int offset, BlockLayout layout)
    {
        var end = offset + layout.Length;
        for (var i = _prefix.Count - 1; i < end; i++)
            _prefix.Add(Crc32C.Step(_prefix[i], source.Window[i]));
        // Register after the block = its prefix, less what came before, plus the start value, both moved along.
        var checksum = ~(_prefix[end] ^ Crc32C.Advance(_prefix[offset] ^ ~seed, layout.Length));
        var index = Crc32C.Appended(checksum, Stored(offset, layout));
        var ahead = unchecked((uint)(index - (uint)Expected)); // numbers are checked modulo 2^32
        if (index % BlockFormat.IndexModulus != layout.Residue || ahead >= Far)
            return null;
        return ahead < Near || Follows(offset + layout.Total, Expected + ahead + 1) ? Expected + ahead : null;
    }

    /// <summary>Whether a whole block with a number lies at a place.</summary>
    private bool Follows(int offset, long index)
        => BlockFormat.TryParse(source, offset, header, coder, out var layout) && source.Ensure(offset + layout.Total)
            && layout.Residue == index % BlockFormat.IndexModulus
            && BlockFormat.Checksum(source.Window.Slice(offset, layout.Length), seed, index) == Stored(offset, layout);

    private uint Stored(int offset, BlockLayout layout)
        => BinaryPrimitives.ReadUInt32LittleEndian(source.Window[(offset + layout.Length)..]);

    private bool IsTrailer(int offset)
    {
        if (!source.Ensure(offset + 1) || source.Window[offset] != Trailer.Marker[0])
            return false;
        if (!source.Ensure(offset + 4) || !source.Window[offset..].StartsWith(Trailer.Marker))
            return false;
        for (var most = Trailer.MostFixed; ; most *= 2)
        {
            var more = source.Ensure(offset + most);
            Trailer = Trailer.TryParse(source.Window[offset..], seed, out _);
            if (Trailer is not null || !more || most > 1 << 24)
                return Trailer is not null;
        }
    }
}
