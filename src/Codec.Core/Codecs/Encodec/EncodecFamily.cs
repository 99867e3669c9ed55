using Codec.Core.Checkpoints;
using Codec.Core.Layers;
using Codec.Core.Layers.Seanet;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Encodec;

/// <summary>EnCodec in the catalogue: 24 kHz causal mono, 48 kHz stereo, 32 kHz (the tokenizer of MusicGen).</summary>
public sealed class EncodecFamily : ICodecFamily
{
    private static readonly CodecPreset Speech = new(10, "encodec/24khz", "published weights: MIT");
    private static readonly CodecPreset Stereo = new(11, "encodec/48khz", "published weights: MIT");
    private static readonly CodecPreset Music = new(12, "encodec/32khz", "published weights: CC-BY-NC 4.0, not for commercial use");
    private static readonly CodecPreset Other = new(19, "encodec/custom", "unknown");

    public string Name => "encodec";

    public IReadOnlyList<CodecPreset> Presets { get; } = [Speech, Stereo, Music, Other];

    public bool Recognises(Checkpoint checkpoint)
    {
        var canonical = EncodecKeys.Canonical(checkpoint);
        return canonical.Tensors.ContainsKey("quantizer.quantizers.0.codebook.weight")
            && canonical.Tensors.Keys.Any(k => k.StartsWith("decoder.model.", StringComparison.Ordinal))
            && !canonical.Tensors.ContainsKey("transform.weight") // SpeechTokenizer has the same skeleton
            && SeanetShapes.Read(canonical) is { BidirectionalLstm: false };
    }

    public CodecDescription Describe(Checkpoint checkpoint)
    {
        var canonical = EncodecKeys.Canonical(checkpoint);
        var config = EncodecConfigReader.Read(canonical);
        return new CodecDescription(PresetOf(config), Info(config, ""), canonical.Elements);
    }

    public ICodec Load(Checkpoint checkpoint)
    {
        var canonical = EncodecKeys.Canonical(checkpoint);
        return Load(canonical, EncodecConfigReader.Read(canonical));
    }

    /// <summary>A codec of a given config with the weights of a checkpoint under our keys.</summary>
    public static EncodecCodec Load(Checkpoint canonical, EncodecConfig config)
    {
        var model = new EncodecModel(config.Validate());
        try
        {
            canonical.LoadInto(model);
            return new EncodecCodec(model, config, Info(config, canonical.Sha256));
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>A codec of a given config with random weights.</summary>
    public static EncodecCodec Create(EncodecConfig config) => new(new EncodecModel(config.Validate()), config, Info(config, ""));

    public ICodec CreateTiny(int seed)
    {
        using var generator = manual_seed(seed);
        return Create(new EncodecConfig
        {
            Seanet = new SeanetConfig { Dimension = 8, Filters = 2, Ratios = [4, 2], LstmLayers = 1, Causal = true, PadMode = PadMode.Reflect },
            SampleRate = 24000, Books = 3, CodebookSize = 64,
        });
    }

    /// <summary>A published model only where all its sizes are there: other weights have other licences.</summary>
    private static CodecPreset PresetOf(EncodecConfig config)
    {
        var published = config.Seanet is { Dimension: 128, ResidualLayers: 1, LstmLayers: 2, BidirectionalLstm: false };
        var slow = config.Seanet.Ratios.SequenceEqual([8, 5, 4, 2]) && config is { Seanet.Filters: 32, CodebookSize: 1024 };
        var fast = config.Seanet.Ratios.SequenceEqual([8, 5, 4, 4]) && config is { Seanet.Filters: 64, CodebookSize: 2048 };
        return (config.SampleRate, config.Seanet.Channels, config.Seanet.Causal, config.Books) switch
        {
            (24000, 1, true, 32) when published && slow => Speech,
            (48000, 2, false, 16) when published && slow => Stereo,
            (32000, 1, false, 4) when published && fast => Music,
            _ => Other,
        };
    }

    private static CodecInfo Info(EncodecConfig config, string hash)
    {
        var preset = PresetOf(config);
        return new CodecInfo
        {
            Name = preset.Name, CatalogueId = preset.Id, WeightHash = hash,
            SampleRate = config.SampleRate, Channels = config.Seanet.Channels, HopLength = config.Seanet.HopLength,
            Books = Enumerable.Repeat(new CodebookSpec(config.CodebookSize), config.Books).ToArray(),
            Causal = config.Seanet.Causal && !config.Seanet.TimeGroupNorm && config.SegmentLength is null && config.Seanet.TrimRightRatio == 1,
            SegmentLength = config.SegmentLength, SegmentStride = config.SegmentStride,
        };
    }
}
