using Codec.Core.Layers.Seanet;
using Codec.Core.Quantizers;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Vocos;

/// <summary>Sizes of a codec with a SEANet encoder and a Vocos decoder.</summary>
/// <param name="SampleRate">Hz.</param>
/// <param name="Seanet">Encoder.</param>
/// <param name="Backbone">Decoder.</param>
/// <param name="Head">Samples of the decoder; its hop is the encoder's.</param>
/// <param name="Books">Codebooks.</param>
/// <param name="CodebookSize">Entries of each.</param>
/// <param name="MaskedBooks">First codebooks that see a share of the channels each (Language-Codec); 0: ordinary residual ones.</param>
public sealed record SeanetVocosConfig(
    int SampleRate, SeanetConfig Seanet, VocosBackboneConfig Backbone, VocosHeadConfig Head, int Books, int CodebookSize, int MaskedBooks = 0);

/// <summary>SEANet encoder, quantizer, Vocos decoder: WavTokenizer and Language-Codec. Keys are renamed when loaded.</summary>
public sealed class SeanetVocosModel : nn.Module
{
    private readonly SeanetEncoder encoder;
    private readonly nn.Module quantizer;
    private readonly VocosBackbone backbone;
    private readonly VocosHead head;

    public SeanetVocosModel(SeanetVocosConfig config) : base(nameof(SeanetVocosModel))
    {
        encoder = new SeanetEncoder(config.Seanet.Validate());
        var stages = Enumerable.Range(0, config.Books).Select(_ => new VectorQuantizer(
            new VectorQuantizerConfig { Dimension = config.Seanet.Dimension, CodebookSize = config.CodebookSize }));
        quantizer = config.MaskedBooks > 0 ? new MaskedChannelQuantizer(stages, config.MaskedBooks) : new ResidualQuantizer(stages);
        backbone = new VocosBackbone(config.Backbone);
        head = new VocosHead(config.Head);
        RegisterComponents();
    }

    public SeanetEncoder Encoder => encoder;

    /// <summary>Numbers that the decoder's group norms see together in a signal of so many frames.</summary>
    internal long SmallestNorm(long frames) => backbone.GroupWidth * frames;

    public IQuantizer Quantizer => (IQuantizer)quantizer;

    /// <param name="features_BDT">[B, D, T].</param>
    /// <param name="bandwidth">Row of the adaptive norms.</param>
    /// <param name="observe">Sees path and output of every layer; null for nobody.</param>
    /// <returns>[B, samples].</returns>
    public Tensor Synthesize(Tensor features_BDT, int bandwidth = 0, Action<string, Tensor>? observe = null)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var hidden = backbone.Run(features_BDT, bandwidth, observe is null ? null : (path, value) => observe("backbone." + path, value));
        return head.Run(hidden, observe).MoveToOuterDisposeScope();
    }
}
