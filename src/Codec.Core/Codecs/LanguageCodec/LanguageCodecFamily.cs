using Codec.Core.Checkpoints;
using Codec.Core.Codecs.Vocos;
using Codec.Core.Layers.Seanet;
using TorchSharp;

namespace Codec.Core.Codecs.LanguageCodec;

/// <summary>Language-Codec checkpoints: eight codebooks, the first three on a third of the channels each.</summary>
public sealed class LanguageCodecFamily : ICodecFamily
{
    private const int MaskedBooks = 3;
    private const string Licence = "MIT (published weights)";

    public string Name => "languagecodec";

    public IReadOnlyList<CodecPreset> Presets { get; } =
    [
        new(90, "languagecodec/24khz", Licence), new(99, "languagecodec/custom", "unknown"),
    ];

    public bool Recognises(Checkpoint checkpoint) => SeanetVocosLoader.Recognises(checkpoint) && !SeanetVocosLoader.HasPositionNet(checkpoint);

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
            new VocosBackboneConfig { InputChannels = 6, Dim = 32, IntermediateDim = 48, Layers = 1, AdaNormEmbeddings = 2 },
            new VocosHeadConfig { Dim = 32, FrameLength = 160, HopLength = 40 }, 4, 32, MaskedBooks);
        return new SeanetVocosCodec(config, new SeanetVocosModel(config), PresetOf(config));
    }

    private CodecPreset PresetOf(SeanetVocosConfig c) => Presets[(c.Seanet.Dimension, c.Seanet.HopLength, c.Books) == (128, 320, 8) ? 0 : 1];
}
