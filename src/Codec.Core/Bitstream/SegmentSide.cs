using System.Buffers.Binary;

namespace Codec.Core.Bitstream;

/// <summary>
/// Side data of a block that holds one <see cref="CodeSegment"/>: its frames (u16), which may be fewer than the block's, then the scale of
/// every stream (32-bit float), low byte first. FORMAT.md, "Segments".
/// </summary>
public static class SegmentSide
{
    public static byte[] Write(CodeSegment segment)
    {
        var bytes = new byte[2 + 4 * segment.Scales.Count];
        BinaryPrimitives.WriteUInt16LittleEndian(bytes, checked((ushort)segment.Frames));
        for (var i = 0; i < segment.Scales.Count; i++)
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(2 + 4 * i), segment.Scales[i]);
        return bytes;
    }

    /// <summary>The codes of a block, as the segment that its side data speaks of; as they are where there is none.</summary>
    /// <exception cref="BitstreamException">The side data fits neither the block nor its streams.</exception>
    public static Codes Apply(CodecBlock block)
    {
        var codes = block.Codes ?? throw new ArgumentException("a lost block", nameof(block));
        var side = block.SideData.Span;
        if (side.IsEmpty)
            return codes;
        var frames = side.Length == 2 + 4 * codes.Batch ? BinaryPrimitives.ReadUInt16LittleEndian(side) : 0;
        if (frames == 0 || frames > codes.Frames)
            throw new BitstreamException($"side data of block {block.Index}", 0, $"1 to {codes.Frames} frames and {codes.Batch} scales", Convert.ToHexString(side[..Math.Min(8, side.Length)]));
        var scales = new float[codes.Batch];
        for (var i = 0; i < scales.Length; i++)
            scales[i] = BinaryPrimitives.ReadSingleLittleEndian(side[(2 + 4 * i)..]);
        return codes.Slice(0, frames).WithSegments([new CodeSegment(frames, scales)]);
    }

    /// <summary>Writes codes, a block per segment where they are segments; the header then says the frames of the longest.</summary>
    public static void Write(CodecFileWriter writer, Codes codes)
    {
        if (codes.Segments is null)
        {
            writer.Write(codes);
            return;
        }
        var start = 0;
        foreach (var segment in codes.Segments)
        {
            writer.WriteBlock(Pad(codes.Slice(start, segment.Frames), writer.Header.BlockFrames), Write(segment));
            start += segment.Frames;
        }
    }

    /// <summary>A block of <paramref name="frames"/> frames: code 0 follows a shorter segment.</summary>
    public static Codes Pad(Codes segment, int frames)
    {
        if (segment.Frames == frames)
            return segment.WithSegments(null);
        var codes = Enumerable.Range(0, segment.Books).Select(book => Enumerable.Range(0, segment.Batch).Select(item =>
        {
            var padded = new int[(frames + segment.Specs[book].Stride - 1) / segment.Specs[book].Stride];
            segment[book, item].CopyTo(padded);
            return padded;
        }).ToArray()).ToArray();
        return new Codes(segment.Specs, codes, frames);
    }
}
