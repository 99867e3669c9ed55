namespace Codec.Core;

/// <summary>One codebook of a codec.</summary>
/// <param name="Size">Number of entries; codes lie in [0, Size).</param>
/// <param name="Stride">Base frames per code: 1 for a code in every frame, 4 for the coarse scale of a multi-scale codec.</param>
/// <param name="NestedIn">Entries of the trained book whose clusters this one's codes are (<see cref="Bitstream.NestedBook"/>); 0: a book as it was trained.</param>
public readonly record struct CodebookSpec(int Size, int Stride = 1, int NestedIn = 0)
{
    /// <summary>log2(Size).</summary>
    public double BitsPerCode => Math.Log2(Size);
}
