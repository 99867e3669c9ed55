using Codec.Core.Checkpoints;
using TorchSharp;

namespace Codec.Core.Codecs.Native;

/// <summary>Our own models: see <see cref="NativeCheckpoint"/> for their files.</summary>
public sealed class NativeFamily : ICodecFamily
{
    private const string Licence = "MIT";

    public string Name => "native";

    public IReadOnlyList<CodecPreset> Presets { get; } = [new(1, "native/16khz", Licence), new(2, "native/16khz-25hz", Licence), new(9, "native/custom", "the trainer's choice")];

    public bool Recognises(Checkpoint checkpoint) => NativeCheckpoint.Fits(checkpoint);

    public CodecDescription Describe(Checkpoint checkpoint)
    {
        var config = NativeCheckpoint.ReadConfig(checkpoint);
        var preset = PresetOf(config);
        return new CodecDescription(preset, NativeCodec.InfoOf(config, preset), checkpoint.Elements);
    }

    public ICodec Load(Checkpoint checkpoint) => NativeCheckpoint.Load(checkpoint);

    public ICodec Load(Checkpoint checkpoint, torch.Device device) => NativeCheckpoint.Load(checkpoint, device);

    public ICodec CreateTiny(int seed)
    {
        torch.manual_seed(seed);
        return new NativeCodec(NativeModel.Create(new NativeConfig
        {
            Name = "tiny", EncoderWidth = 16, EncoderBlocks = 1, DecoderWidth = 16, DecoderBlocks = 1, HeadWidth = 16, HeadBlocks = 1, LatentDim = 8,
            Quantizer = new() { Books = 3, Size = 32 },
        }));
    }

    internal static CodecPreset PresetOf(NativeConfig config)
        => new NativeFamily().Presets.FirstOrDefault(preset => preset.Name == config.Name) ?? new NativeFamily().Presets[^1];
}
