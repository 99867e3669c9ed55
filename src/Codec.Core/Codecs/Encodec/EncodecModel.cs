using Codec.Core.Layers.Seanet;
using Codec.Core.Quantizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Encodec;

/// <summary>The network. Checkpoint keys: encoder.model.*, decoder.model.* as published; the codebooks are renamed when loaded.</summary>
public sealed class EncodecModel : nn.Module
{
    private readonly SeanetEncoder encoder;
    private readonly SeanetDecoder decoder;
    private readonly ResidualQuantizer quantizer;

    public EncodecModel(EncodecConfig config) : base(nameof(EncodecModel))
    {
        encoder = new SeanetEncoder(config.Seanet);
        decoder = new SeanetDecoder(config.Seanet);
        quantizer = ResidualQuantizer.OfVectors(Enumerable.Repeat(
            new VectorQuantizerConfig { Dimension = config.Seanet.Dimension, CodebookSize = config.CodebookSize }, config.Books));
        RegisterComponents();
        eval();
    }

    public SeanetEncoder Encoder => encoder;

    public SeanetDecoder Decoder => decoder;

    public ResidualQuantizer Quantizer => quantizer;
}
