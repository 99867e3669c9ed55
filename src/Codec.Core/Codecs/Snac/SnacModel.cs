using Codec.Core.Quantizers;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Snac;

/// <summary>The three parts of SNAC under the keys of the published checkpoints.</summary>
public sealed class SnacModel : nn.Module
{
    public readonly SnacEncoder encoder;
    public readonly MultiScaleQuantizer quantizer;
    public readonly SnacDecoder decoder;

    public SnacModel(SnacConfig config) : base(nameof(SnacModel))
    {
        encoder = new SnacEncoder(config.Validate());
        quantizer = new MultiScaleQuantizer(config.Strides.Select(_ => new VectorQuantizer(new VectorQuantizerConfig
        {
            Dimension = config.Latent, CodebookSize = config.CodebookSize, CodebookDimension = config.CodebookDim, Normalize = true,
        })), config.Strides);
        decoder = new SnacDecoder(config);
        RegisterComponents();
    }
}
