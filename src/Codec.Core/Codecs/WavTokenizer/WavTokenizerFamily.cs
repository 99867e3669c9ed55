using Codec.Core.Checkpoints;
using Codec.Core.Codecs.Vocos;
using Codec.Core.Layers.Seanet;
using TorchSharp;

namespace Codec.Core.Codecs.WavTokenizer;

/// <summary>WavTokenizer checkpoints: the published training checkpoints, one codebook of 4096.</summary>
public sealed class WavTokenizerFamily : ICodecFamily
{
    private const int MaskedBooks = 0;
    private const string Licence = "MIT (published weights)";

    public string Name => "wavtokenizer";

    public IReadOnlyList<CodecPreset> Presets { get; } =
    [
        new(50, "wavtokenizer/75", Licence), new(51, "wavtokenizer/40", Licence), new(59, "wavtokenizer/custom", "unknown"),
    ];

    public bool Recognises(Checkpoint checkpoint) => SeanetVocosLoader.Recognises(checkpoint) && SeanetVocosLoader.HasPositionNet(checkpoint);

    public CodecDescription Describe(Checkpoint checkpoint)
    {
        var canonical = SeanetVocosLoader.Canonical(checkpoint);
        var config = SeanetVocosLoader.ConfigOf(canonical, MaskedBooks);
        return new CodecDescription(PresetOf(config), SeanetVocosCodec.InfoOf(config, PresetOf(config)), canonical.Elements);
    }

    public ICodec Load(Checkpoint checkpoint) => SeanetVocosLoader.Load(checkpoint, MaskedBooks, PresetOf);

    public ICodec CreateTiny(int seed)
    {
        torch.manual_seed(seed);
        var seanet = new SeanetConfig { Dimension = 6, Filters = 2, Ratios = [5, 4, 2], LstmLayers = 1 };
        var config = new SeanetVocosConfig(16_000, seanet,
            new VocosBackboneConfig { InputChannels = 6, Dim = 64, IntermediateDim = 48, Layers = 1, AdaNormEmbeddings = 2, PositionNet = true },
            new VocosHeadConfig { Dim = 64, FrameLength = 160, HopLength = 40 }, 1, 32, MaskedBooks);
        return new SeanetVocosCodec(config, new SeanetVocosModel(config), PresetOf(config));
    }

    private CodecPreset PresetOf(SeanetVocosConfig c) => Presets[(c.Seanet.Dimension, c.Seanet.HopLength) switch { (512, 320) => 0, (512, 600) => 1, _ => 2 }];
}
