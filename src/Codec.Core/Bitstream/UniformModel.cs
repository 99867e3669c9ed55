namespace Codec.Core.Bitstream;

/// <summary>All codes equally likely: log2(size) bits each for any size, no state.</summary>
public sealed class UniformModel : ISymbolModel
{
    public void Reset() { }

    public void Code(ISymbolCoder coder, Codes block, int book)
    {
        var size = block.Specs[book].Size;
        foreach (ref var code in block[book])
            code = coder.CodeUniform(code, size);
    }
}
