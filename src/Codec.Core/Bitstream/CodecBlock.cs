namespace Codec.Core.Bitstream;

/// <summary>A block of a file as it was read, or the place of one that is lost.</summary>
/// <param name="Index">Number of the block in the file.</param>
/// <param name="StartFrame">First base frame.</param>
/// <param name="Frames">Base frames.</param>
/// <param name="Codes">One batch item per stream; null where the block is lost.</param>
/// <param name="SideData">What the writer attached to the block, e.g. EnCodec's scales; empty for nothing.</param>
public sealed record CodecBlock(long Index, long StartFrame, int Frames, Codes? Codes, ReadOnlyMemory<byte> SideData)
{
    /// <summary>True where the codes could not be read.</summary>
    public bool Lost => Codes is null;
}
