using Codec.Core.Quantizers;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Dac;

/// <summary>The three parts of DAC under the keys of the published checkpoints.</summary>
public sealed class DacModel : nn.Module
{
    public readonly DacEncoder encoder;
    public readonly ResidualQuantizer quantizer;
    public readonly DacDecoder decoder;

    public DacModel(DacConfig config) : base(nameof(DacModel))
    {
        encoder = new DacEncoder(config.Validate());
        quantizer = ResidualQuantizer.OfVectors(config.CodebookDims.Select(d => new VectorQuantizerConfig
        {
            Dimension = config.Latent, CodebookSize = config.CodebookSize, CodebookDimension = d, Normalize = true,
        }));
        decoder = new DacDecoder(config);
        RegisterComponents();
    }
}
