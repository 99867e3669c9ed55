using Codec.Core.Checkpoints;
using TorchSharp;

namespace Codec.Core.Codecs.HifiCodec;

/// <summary>HiFi-Codec checkpoints: the published file of three state dictionaries, or one with their names as prefixes.</summary>
public sealed class HifiCodecFamily : ICodecFamily
{
    private const string Licence = "MIT (published weights)";
    private const string FirstBook = "quantizer.quantizer_modules.0.embedding.weight";

    public string Name => "hificodec";

    public IReadOnlyList<CodecPreset> Presets { get; } =
    [
        new(70, "hificodec/16k-320d", Licence), new(71, "hificodec/24k-320d", Licence), new(72, "hificodec/24k-240d", Licence), new(79, "hificodec/custom", "unknown"),
    ];

    public bool Recognises(Checkpoint checkpoint) => checkpoint.Tensors.ContainsKey(FirstBook) && checkpoint.Tensors.ContainsKey("generator.conv_pre.bias");

    public CodecDescription Describe(Checkpoint checkpoint)
    {
        var config = ConfigOf(checkpoint);
        var preset = PresetOf(config);
        return new CodecDescription(preset, HifiCodecCodec.InfoOf(config, preset), WeightNorm.Fold(checkpoint.Tensors.Values).Sum(t => t.Elements));
    }

    public ICodec Load(Checkpoint checkpoint) => LoadHifi(checkpoint);

    /// <summary>As <see cref="Load"/>, with access to the parts.</summary>
    /// <param name="checkpoint">Weights.</param>
    /// <param name="dropIncompleteFrame">See <see cref="HifiCodecCodec.DropIncompleteFrame"/>.</param>
    public HifiCodecCodec LoadHifi(Checkpoint checkpoint, bool dropIncompleteFrame = false)
    {
        var config = ConfigOf(checkpoint);
        var model = new HifiCodecModel(config);
        try
        {
            checkpoint.LoadInto(model, HifiCodecModel.Rename);
        }
        catch
        {
            model.Dispose();
            throw;
        }
        return new HifiCodecCodec(config, model, PresetOf(config), checkpoint.Sha256) { DropIncompleteFrame = dropIncompleteFrame };
    }

    public ICodec CreateTiny(int seed)
    {
        torch.manual_seed(seed);
        var config = new HifiCodecConfig
        {
            SampleRate = 16_000, Rates = [5, 4, 2], Kernels = [11, 8, 4], InitialChannels = 16, BlockKernels = [3], BlockDilations = [[1, 3]],
            EncoderChannels = 2, NormChannels = 2, CodebookSize = 32,
        };
        return new HifiCodecCodec(config, new HifiCodecModel(config), PresetOf(config));
    }

    private CodecPreset PresetOf(HifiCodecConfig c) => Presets[(c.Latent, c.SampleRate, c.HopLength) switch
    {
        (512, 16_000, 320) => 0,
        (512, 24_000, 320) => 1,
        (512, 24_000, 240) => 2,
        _ => 3,
    }];

    /// <summary>The configuration that came with the file; else what the shapes tell, at 24 kHz (weights do not tell their rate).</summary>
    private static HifiCodecConfig ConfigOf(Checkpoint checkpoint)
    {
        if (CheckpointConfig.Find(checkpoint, "upsample_rates") is { } json)
            return HifiCodecConfig.Read(json).Validate();
        var shapes = WeightNorm.Fold(checkpoint.Tensors.Values).ToDictionary(t => t.Name, t => t.Shape);
        var kernels = Enumerable.Range(0, 12).Select(i => shapes.GetValueOrDefault($"generator.ups.{i}.weight")).TakeWhile(s => s is { Count: 3 }).Select(s => (int)s![2]).ToArray();
        if (kernels.Length == 0 || !shapes.TryGetValue("encoder.conv_pre.weight", out var first) || !shapes.TryGetValue("generator.conv_pre.weight", out var initial))
            throw new CheckpointException(checkpoint.FilePath, "the model's shape does not show: generator.ups or conv_pre is absent");
        return new HifiCodecConfig
        {
            SampleRate = 24_000, Kernels = kernels, Rates = [.. kernels.Select(k => k / 2)], InitialChannels = (int)initial[0],
            EncoderChannels = (int)first[0], CodebookSize = (int)checkpoint.Tensors[FirstBook].Shape[0],
        }.Validate();
    }
}
