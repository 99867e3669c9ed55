namespace Codec.Core.Bitstream;

/// <summary>Makes the predictor that a header names.</summary>
public static class SymbolModels
{
    /// <exception cref="BitstreamException">The file needs a predictor that this version does not have.</exception>
    public static ISymbolModel Create(CodecFileHeader header) => header.Predictor switch
    {
        Predictor.Uniform => new UniformModel(),
        _ => throw new BitstreamException("predictor", 0, "a predictor of this version", $"number {(int)header.Predictor}"),
    };
}
