using Codec.Core.Layers.Seanet;
using Codec.Core.Quantizers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.SpeechTokenizer;

/// <summary>Sizes of a SpeechTokenizer model.</summary>
/// <param name="SampleRate">Hz.</param>
/// <param name="Seanet">Encoder (its LSTM runs both ways) and decoder.</param>
/// <param name="Books">Codebooks.</param>
/// <param name="CodebookSize">Entries of each.</param>
/// <param name="SemanticDimension">Channels of the semantic feature that the first book was trained towards.</param>
public sealed record SpeechTokenizerConfig(int SampleRate, SeanetConfig Seanet, int Books, int CodebookSize, int SemanticDimension);

/// <summary>Keys as published, but for the codebooks, which are renamed when loaded.</summary>
public sealed class SpeechTokenizerModel : nn.Module
{
    private readonly SeanetEncoder encoder;
    private readonly SeanetDecoder decoder;
    private readonly ResidualQuantizer quantizer;
    private readonly Linear transform;

    public SpeechTokenizerModel(SpeechTokenizerConfig config) : base(nameof(SpeechTokenizerModel))
    {
        encoder = new SeanetEncoder(config.Seanet.Validate());
        decoder = new SeanetDecoder(config.Seanet);
        quantizer = ResidualQuantizer.OfVectors(Enumerable.Repeat(
            new VectorQuantizerConfig { Dimension = config.Seanet.Dimension, CodebookSize = config.CodebookSize }, config.Books));
        transform = nn.Linear(config.Seanet.Dimension, config.SemanticDimension);
        RegisterComponents();
    }

    public SeanetEncoder Encoder => encoder;

    public SeanetDecoder Decoder => decoder;

    public ResidualQuantizer Quantizer => quantizer;

    /// <summary>The semantic feature [B, T, SemanticDimension] of the first book's vectors [B, T, D].</summary>
    public Tensor Semantic(Tensor first_BTD) => transform.forward(first_BTD);
}
