using Codec.Core.Checkpoints;
using Codec.Core.Layers.Seanet;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Mimi;

/// <summary>Mimi in the catalogue.</summary>
public sealed class MimiFamily : ICodecFamily
{
    private static readonly CodecPreset Speech = new(40, "mimi/24khz", "published weights: CC-BY 4.0");
    private static readonly CodecPreset Other = new(49, "mimi/custom", "unknown");

    public string Name => "mimi";

    public IReadOnlyList<CodecPreset> Presets { get; } = [Speech, Other];

    public bool Recognises(Checkpoint checkpoint)
        => checkpoint.Tensors.Keys.Any(k => k.StartsWith("encoder_transformer.", StringComparison.Ordinal))
            && checkpoint.Tensors.Keys.Any(k => k.StartsWith("quantizer.rvq_first.", StringComparison.Ordinal) || k.StartsWith("quantizer.semantic_", StringComparison.Ordinal));

    public CodecDescription Describe(Checkpoint checkpoint)
    {
        var (canonical, config) = MimiConfigReader.Read(checkpoint);
        return new CodecDescription(PresetOf(config), Info(config, ""), canonical.Elements);
    }

    public ICodec Load(Checkpoint checkpoint)
    {
        var (canonical, config) = MimiConfigReader.Read(checkpoint);
        return Load(canonical, config);
    }

    /// <summary>A codec of a given config with the weights of a checkpoint under our keys.</summary>
    public static MimiCodec Load(Checkpoint canonical, MimiConfig config)
    {
        var model = new MimiModel(config.Validate());
        try
        {
            canonical.LoadInto(model);
            return new MimiCodec(model, config, Info(config, canonical.Sha256));
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>A codec of a given config with random weights.</summary>
    public static MimiCodec Create(MimiConfig config) => new(new MimiModel(config.Validate()), config, Info(config, ""));

    public ICodec CreateTiny(int seed)
    {
        using var generator = manual_seed(seed);
        return Create(new MimiConfig
        {
            Seanet = MimiConfig.Causal(new SeanetConfig { Dimension = 16, Filters = 4, Ratios = [4, 2], LastKernel = 3, TrueSkip = true }),
            Transformer = new MimiTransformerConfig { Layers = 2, Heads = 2, FeedForward = 32, Context = 6 },
            CodebookDimension = 8, CodebookSize = 64, Books = 4,
        });
    }

    /// <summary>The published model only where all its sizes are there: other weights have other licences.</summary>
    private static CodecPreset PresetOf(MimiConfig config)
        => config is { SampleRate: 24000, HopLength: 1920, CodebookSize: 2048, CodebookDimension: 256, Books: 32, Seanet: { Dimension: 512, Filters: 64 }, Transformer.Layers: 8 }
            ? Speech
            : Other;

    private static CodecInfo Info(MimiConfig config, string hash)
    {
        var preset = PresetOf(config);
        return new CodecInfo
        {
            Name = preset.Name, CatalogueId = preset.Id, WeightHash = hash,
            SampleRate = config.SampleRate, Channels = config.Seanet.Channels, HopLength = config.HopLength, Causal = true,
            Books = Enumerable.Repeat(new CodebookSpec(config.CodebookSize), config.Books).ToArray(),
        };
    }
}
