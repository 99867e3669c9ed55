using Codec.Core.Checkpoints;
using TorchSharp;

namespace Codec.Core.Codecs.Esc;

/// <summary>ESC checkpoints: the published dictionary with model_state_dict, or its tensors alone; both backbones.</summary>
public sealed class EscFamily : ICodecFamily
{
    private const string Licence = "MIT (published weights)";

    public string Name => "esc";

    public IReadOnlyList<CodecPreset> Presets { get; } =
    [
        new(100, "esc/9kbps-base", Licence), new(101, "esc/9kbps-large", Licence), new(109, "esc/custom", "unknown"),
    ];

    public bool Recognises(Checkpoint checkpoint)
        => checkpoint.Tensors.ContainsKey("quantizers.0.vqs.0.embedding.weight") && checkpoint.Tensors.ContainsKey("encoder.patch_embed.proj.weight");

    public CodecDescription Describe(Checkpoint checkpoint)
    {
        var config = ConfigOf(checkpoint);
        var preset = PresetOf(config);
        return new CodecDescription(preset, EscCodec.InfoOf(config, preset), checkpoint.Tensors.Values.Where(t => EscModel.Rename(t.Name) is not null).Sum(t => t.Elements));
    }

    public ICodec Load(Checkpoint checkpoint) => LoadEsc(checkpoint);

    /// <summary>As <see cref="Load"/>, with access to the parts.</summary>
    /// <param name="checkpoint">Weights.</param>
    /// <param name="dropIncompleteFrame">See <see cref="EscCodec.DropIncompleteFrame"/>.</param>
    public EscCodec LoadEsc(Checkpoint checkpoint, bool dropIncompleteFrame = false)
    {
        var config = ConfigOf(checkpoint);
        var model = new EscModel(config);
        try
        {
            checkpoint.LoadInto(model, EscModel.Rename);
        }
        catch
        {
            model.Dispose();
            throw;
        }
        return new EscCodec(config, model, PresetOf(config), checkpoint.Sha256) { DropIncompleteFrame = dropIncompleteFrame };
    }

    public ICodec CreateTiny(int seed)
    {
        torch.manual_seed(seed);
        var config = new EscConfig { Bins = 24, WindowMilliseconds = 2, HopMilliseconds = 1, Channels = [4, 6, 8], Heads = [2, 2], MlpRatio = 2, CodebookSize = 32, CodebookDimensions = [4, 4, 4] };
        return new EscCodec(config, new EscModel(config), PresetOf(config));
    }

    private CodecPreset PresetOf(EscConfig c)
        => Presets[c.Backbone == EscBackbone.Transformer && c.Channels.SequenceEqual(new EscConfig().Channels) && c is { SampleRate: 16_000, Groups: 3, CodebookSize: 1024, Overlap: 2 }
            ? c.Depth switch { 2 => 0, 4 => 1, _ => 2 }
            : 2];

    private static EscConfig ConfigOf(Checkpoint checkpoint)
        => (CheckpointConfig.Find(checkpoint, "h_dims") is { } json ? EscConfig.Read(json) : EscShapes.Read(checkpoint)).Validate();
}
