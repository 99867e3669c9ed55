namespace Codec.Core;

/// <summary>A codec that can look longer for codes that lose less. The format stays the same, and any decoder takes them.</summary>
public interface ISearchingCodec : ICodec
{
    /// <summary>The same codec with another search. Effort 0 gives the codes of <see cref="ICodec.Encode"/> bit for bit; more effort never has a
    /// larger quantization error on any frame. Codes are searched for together, so dropping books of such codes is not the search with fewer books.</summary>
    /// <param name="effort">0 to 3.</param>
    /// <returns>Shares the weights; to be disposed before this one.</returns>
    /// <exception cref="NotSupportedException">The quantizer has no such search.</exception>
    ICodec WithEffort(int effort);
}
