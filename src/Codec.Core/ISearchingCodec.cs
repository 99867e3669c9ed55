namespace Codec.Core;

/// <summary>A codec that can look longer for codes that lose less, or cost less. The format stays the same, and any decoder takes them.</summary>
public interface ISearchingCodec : ICodec
{
    /// <summary>Effort that files are made with unless somebody asks for another: most of what there is to gain for a few milliseconds per second.
    /// Tokens are not searched for: language models learn from the nearest entries.</summary>
    public const int FileEffort = 1;

    /// <summary>A codec as files are made with it unless somebody asks for another effort.</summary>
    /// <returns>To be disposed before <paramref name="codec"/>; null where it cannot search, so that it serves as it is.</returns>
    public static ICodec? ForFiles(ICodec codec) => codec is ISearchingCodec { Searches: true } searching ? searching.WithEffort(FileEffort) : null;

    /// <summary>Whether its quantizer has such a search where it runs now.</summary>
    bool Searches { get; }

    /// <summary>The same codec with another search. Effort 0 gives the codes of <see cref="ICodec.Encode"/> bit for bit; more effort never has a
    /// larger quantization error of four books on any frame, nor of others on average. Dropping books of such codes gives those of the same effort with fewer books.</summary>
    /// <param name="effort">0 to 3.</param>
    /// <returns>Shares the weights; to be disposed before this one.</returns>
    /// <exception cref="NotSupportedException">The quantizer has no such search.</exception>
    ICodec WithEffort(int effort);

    /// <summary>The same codec, which takes the cheaper of codes that are nearly as good, after its search. The quantization error of a frame may
    /// then rise, by a quarter at most (<see cref="Quantizers.RateAwareSearch"/>).</summary>
    /// <param name="share">What a bit is worth, as a share of the squared distance to the nearest entry; 0: nothing.</param>
    /// <returns>Shares the weights; to be disposed before this one.</returns>
    /// <exception cref="NotSupportedException">The quantizer has no such search, or no trained tables say what its codes cost.</exception>
    ICodec WithRateAwareness(double share);
}
