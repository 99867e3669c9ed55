using System.Runtime.InteropServices;
using System.Text.Json;
using Codec.Core.Checkpoints;
using TorchSharp;

namespace Codec.Core.Codecs.Lfsc;

/// <summary>Checkpoints of the low-frame-rate codec: the published .nemo archive, the model_weights.ckpt from it, or its tensors as safetensors.</summary>
public sealed class LfscFamily : ICodecFamily
{
    private const string Levels = "vector_quantizer.fsqs.{0}.num_levels", EncoderFirst = "audio_encoder.pre_conv.conv.weight", DecoderFirst = "audio_decoder.pre_conv.conv.weight";
    private static readonly int[] Dilations = [1, 3, 5];
    private static readonly string[] ConfigSections = ["sample_rate", "audio_encoder", "audio_decoder", "vector_quantizer"];

    public string Name => "lfsc";

    public IReadOnlyList<CodecPreset> Presets { get; } =
    [
        new(110, "lfsc/22khz-1.89kbps", "CC-BY-NC-ND 4.0 or the publisher's own (published weights)"), new(119, "lfsc/custom", "unknown"),
    ];

    public bool Recognises(Checkpoint checkpoint)
        => checkpoint.Tensors.ContainsKey(Key(Levels, 0)) && checkpoint.Tensors.ContainsKey("audio_decoder.pre_conv.conv.bias");

    public CodecDescription Describe(Checkpoint checkpoint)
    {
        var config = ConfigOf(checkpoint);
        var preset = PresetOf(config);
        return new CodecDescription(preset, LfscCodec.InfoOf(config, preset),
            WeightNorm.Fold(checkpoint.Tensors.Values).Where(t => LfscModel.Rename(t.Name) is { } key && !key.StartsWith("vector_quantizer.", StringComparison.Ordinal)).Sum(t => t.Elements));
    }

    public ICodec Load(Checkpoint checkpoint)
    {
        var config = ConfigOf(checkpoint);
        var model = new LfscModel(config);
        try
        {
            checkpoint.LoadInto(model, LfscModel.Rename);
        }
        catch
        {
            model.Dispose();
            throw;
        }
        return new LfscCodec(config, model, PresetOf(config), checkpoint.Sha256);
    }

    public ICodec CreateTiny(int seed)
    {
        torch.manual_seed(seed);
        var config = new LfscConfig { Rates = [4, 2], EncoderChannels = 4, DecoderChannels = 16, BlockKernels = [3, 5], Groups = 3 };
        return new LfscCodec(config, new LfscModel(config), PresetOf(config));
    }

    private CodecPreset PresetOf(LfscConfig config)
        => Presets[config is { SampleRate: 22_050, HopLength: 1024, Groups: 8 } && config.Levels.SequenceEqual(new LfscConfig().Levels) ? 0 : 1];

    private static LfscConfig ConfigOf(Checkpoint checkpoint)
        => ((CheckpointConfig.Find(checkpoint, "audio_encoder") ?? FromYaml(checkpoint)) is { } json ? LfscConfig.Read(json) : OfShapes(checkpoint)).Validate();

    /// <summary>The part of the published configuration that describes the codec, from the archive or from beside its unpacked weights.</summary>
    private static JsonElement? FromYaml(Checkpoint checkpoint)
    {
        if (checkpoint.Metadata.GetValueOrDefault(NemoArchive.ConfigName) is string text)
            return MiniYaml.Parse($"{checkpoint.FilePath}, {NemoArchive.ConfigName}", MiniYaml.Sections(text.Split('\n'), ConfigSections));
        return checkpoint.Sibling(NemoArchive.ConfigName) is { } path ? MiniYaml.ReadFile(path, ConfigSections) : null;
    }

    /// <summary>What the tensors tell; the rate and the dilations are as published.</summary>
    private static LfscConfig OfShapes(Checkpoint checkpoint)
    {
        var shapes = WeightNorm.Fold(checkpoint.Tensors.Values).ToDictionary(t => t.Name, t => t.Shape);
        int Count(Func<int, string> key) => Enumerable.Range(0, 256).TakeWhile(i => shapes.ContainsKey(key(i))).Count();
        int Size(string key, int axis) => shapes.TryGetValue(key, out var shape) && shape.Count == 3
            ? (int)shape[axis]
            : throw new CheckpointException(checkpoint.FilePath, $"the model's shape does not show: {key} is absent or not of rank 3");
        static string Block(string side, int kernel, int dilation) => $"{side}.res_layers.0.res_blocks.{kernel}.res_blocks.{dilation}.input_conv.conv.weight";

        var rates = Enumerable.Range(0, Count(i => $"audio_decoder.up_sample_conv_layers.{i}.conv.weight")).Select(i => Size($"audio_decoder.up_sample_conv_layers.{i}.conv.weight", 2) / 2);
        return new LfscConfig
        {
            Rates = [.. rates], EncoderChannels = Size(EncoderFirst, 0), DecoderChannels = Size(DecoderFirst, 0), InputKernel = Size(EncoderFirst, 2),
            LatentKernel = Size("audio_encoder.post_conv.conv.weight", 2), OutputKernel = Size("audio_decoder.post_conv.conv.weight", 2),
            BlockKernels = [.. Enumerable.Range(0, Count(i => Block("audio_decoder", i, 0))).Select(i => Size(Block("audio_decoder", i, 0), 2))],
            EncoderDilations = [.. Dilations.Take(Count(i => Block("audio_encoder", 0, i)))], DecoderDilations = [.. Dilations.Take(Count(i => Block("audio_decoder", 0, i)))],
            Activation = shapes.ContainsKey("audio_decoder.post_activation.activation.alpha") ? LfscActivation.Snake : LfscActivation.LeakyRelu,
            Groups = Count(i => Key(Levels, i)), Levels = LevelsOf(checkpoint),
        };
    }

    /// <exception cref="CheckpointException">The groups differ, or a list is too long.</exception>
    private static IReadOnlyList<int> LevelsOf(Checkpoint checkpoint)
    {
        IReadOnlyList<int>? levels = null;
        for (var i = 0; checkpoint.Tensors.TryGetValue(Key(Levels, i), out var stored); i++)
        {
            if (stored.Elements is < 1 or > 64)
                throw new CheckpointException(checkpoint.FilePath, $"{stored.Name}: expected 1 to 64 levels, found {stored.Elements}");
            using var scope = torch.NewDisposeScope();
            var values = MemoryMarshal.Cast<byte, int>(stored.Load().to(torch.int32).contiguous().bytes).ToArray();
            levels ??= values;
            if (!levels.SequenceEqual(values))
                throw new CheckpointException(checkpoint.FilePath, $"{stored.Name}: expected the levels of the first group, {string.Join(",", levels)}, found {string.Join(",", values)}");
        }
        return levels!;
    }

    private static string Key(string format, int index) => string.Format(System.Globalization.CultureInfo.InvariantCulture, format, index);
}
