using Codec.Core.Bitstream.Prediction;

namespace Codec.Core.Bitstream;

/// <summary>Makes the predictor that a header names, and names the best one for a new file.</summary>
public static class SymbolModels
{
    /// <exception cref="BitstreamException">The file needs a predictor or tables that are not at hand.</exception>
    public static ISymbolModel Create(CodecFileHeader header) => header.Predictor switch
    {
        Predictor.Uniform => new UniformModel(),
        Predictor.Adaptive => new AdaptiveModel(header.Books),
        Predictor.Mixing => new MixingModel(header.Books, null, header.Streams),
        Predictor.Neural => Neural(header),
        Predictor.NeuralMixing => new MixingModel(header.Books, Prior<NeuralPrior>(header), header.Streams),
        Predictor.NeuralVariable => new NeuralModel(Variable(header), variable: true),
        Predictor.NeuralLowband => Lowband(header),
        Predictor.Tree => new TreeModel(Prior<TreeTables>(header)),
        _ => throw new BitstreamException("predictor", 0, "a predictor of this version", $"number {(int)header.Predictor}"),
    };

    /// <summary>The header with the predictor that saves most: the trained one where there are tables for these codes.</summary>
    /// <param name="header">Of a file that is to be written.</param>
    /// <param name="codec">Makes the codes.</param>
    /// <param name="groupBlocks">Blocks from one reset of the predictor to the next.</param>
    public static CodecFileHeader WithBestPredictor(this CodecFileHeader header, CodecInfo codec, int groupBlocks = 1)
    {
        var prior = EntropyPriors.For(CodecFileHeader.HashPrefix(codec.TokenHash), header.Books);
        if (groupBlocks == 1 && prior is NeuralPrior neural && neural.FitsVariable(header.Books))
            return header with { Predictor = Predictor.NeuralVariable, Prior = prior.Id };
        if (prior is null || !prior.Fits(header.Books))
            return header with { Predictor = groupBlocks > 1 ? Predictor.Mixing : Predictor.Uniform, Prior = 0 };
        return header with { Predictor = groupBlocks > 1 && prior is NeuralPrior ? Predictor.NeuralMixing : prior.Predictor, Prior = prior.Id };
    }

    private static NeuralPrior Variable(CodecFileHeader header)
        => EntropyPriors.Find(header.Prior) is NeuralPrior prior && prior.FitsVariable(header.Books) ? prior : throw Missing(header);

    private static NeuralModel Neural(CodecFileHeader header)
    {
        var prior = Prior<NeuralPrior>(header);
        return new NeuralModel(prior, prior.Nested(header.Books));
    }

    private static LowbandModel Lowband(CodecFileHeader header)
    {
        var prior = EntropyPriors.Find(header.Prior) as LowbandPrior;
        if (prior is { Neural: null })
            throw new BitstreamException("entropy prior", 0, $"the tables {prior.NeuralId:x8} of the books before the low band", "other tables only");
        return new LowbandModel(Prior<LowbandPrior>(header), prior!.Neural!);
    }

    private static T Prior<T>(CodecFileHeader header) where T : EntropyPrior
    {
        return EntropyPriors.Find(header.Prior) is T prior && prior.Fits(header.Books) ? prior : throw Missing(header);
    }

    private static BitstreamException Missing(CodecFileHeader header)
        => EntropyPriors.Find(header.Prior) is null
            ? new("entropy prior", 0, $"the tables {header.Prior:x8} with which the codes were written", "other tables only: another version of this library has them, or a .cdp file")
            : new("entropy prior", 0, $"a predictor and books that the tables {header.Prior:x8} predict", "others");
}
