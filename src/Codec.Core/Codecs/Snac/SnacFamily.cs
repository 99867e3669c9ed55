using System.Globalization;
using Codec.Core.Checkpoints;
using TorchSharp;

namespace Codec.Core.Codecs.Snac;

/// <summary>SNAC checkpoints: the published pytorch_model.bin with its config.json, and plain state dictionaries.</summary>
public sealed class SnacFamily : ICodecFamily
{
    private const string Licence = "MIT (published weights)";

    public string Name => "snac";

    public IReadOnlyList<CodecPreset> Presets { get; } =
    [
        new(30, "snac/24khz", Licence), new(31, "snac/32khz", Licence), new(32, "snac/44khz", Licence), new(39, "snac/custom", "unknown"),
    ];

    public bool Recognises(Checkpoint checkpoint)
    {
        var keys = WeightNorm.Fold(checkpoint.Tensors.Values).Select(t => t.Name).ToHashSet();
        return keys.Contains("quantizer.quantizers.0.codebook.weight") && keys.Contains("encoder.block.1.block.0.block.1.weight")
            && Enumerable.Range(0, 32).All(i => !keys.Contains($"encoder.block.{i}.alpha")); // DAC ends its encoder with a Snake
    }

    public CodecDescription Describe(Checkpoint checkpoint)
    {
        var config = ConfigOf(checkpoint);
        var preset = PresetOf(config);
        return new CodecDescription(preset, SnacCodec.InfoOf(config, preset), WeightNorm.Fold(checkpoint.Tensors.Values).Sum(t => t.Elements));
    }

    public ICodec Load(Checkpoint checkpoint) => LoadSnac(checkpoint);

    /// <summary>As <see cref="Load"/>, with access to the parts.</summary>
    public SnacCodec LoadSnac(Checkpoint checkpoint)
    {
        var config = ConfigOf(checkpoint);
        var model = new SnacModel(config);
        try
        {
            checkpoint.LoadInto(model);
        }
        catch
        {
            model.Dispose();
            throw;
        }
        return new SnacCodec(config, model, PresetOf(config), checkpoint.Sha256);
    }

    public ICodec CreateTiny(int seed)
    {
        torch.manual_seed(seed);
        var config = new SnacConfig
        {
            SampleRate = 16_000, EncoderDim = 4, EncoderRates = [2, 4, 5], DecoderDim = 32, DecoderRates = [5, 4, 2],
            CodebookSize = 64, CodebookDim = 4, Strides = [4, 2, 1],
        };
        return new SnacCodec(config, new SnacModel(config), PresetOf(config));
    }

    private CodecPreset PresetOf(SnacConfig c) => Presets[(c.SampleRate, c.EncoderDim, c.DecoderDim, c.CodebookSize) switch
    {
        (24_000, 48, 1024, 4096) => 0,
        (32_000, 64, 1536, 4096) => 1,
        (44_100, 64, 1536, 4096) => 2,
        _ => 3,
    }];

    private static SnacConfig ConfigOf(Checkpoint checkpoint)
        => CheckpointConfig.Find(checkpoint, "vq_strides") is { } json ? SnacConfig.Read(json) : Infer(checkpoint);

    /// <summary>The shapes of the tensors tell all but the rate and the time scales; strides of 4, 2, 1 are the 24 kHz model's.</summary>
    /// <exception cref="CheckpointException">A model with attention: the 32 and 44.1 kHz ones have the same shapes.</exception>
    private static SnacConfig Infer(Checkpoint checkpoint)
    {
        var shapes = WeightNorm.Fold(checkpoint.Tensors.Values).ToDictionary(t => t.Name, t => t.Shape);
        var books = Enumerable.Range(0, 64).TakeWhile(k => shapes.ContainsKey($"quantizer.quantizers.{k}.codebook.weight")).Count();
        if (books != 3 || shapes.Keys.Any(k => k.EndsWith("to_qkv.weight", StringComparison.Ordinal))
            || !shapes.TryGetValue("encoder.block.0.weight", out var first) || !shapes.TryGetValue("decoder.model.1.weight", out var second))
            throw new CheckpointException(checkpoint.FilePath, "needs its config.json: sample rate and time scales do not show in the weights");
        int[] Kernels(string pattern) => [.. Enumerable.Range(0, 32).Select(i => string.Format(CultureInfo.InvariantCulture, pattern, i))
            .Where(key => shapes.TryGetValue(key, out var s) && s.Count == 3).Select(key => (int)shapes[key][2] / 2)];
        return new SnacConfig
        {
            SampleRate = 24_000, EncoderDim = (int)first[0], EncoderRates = Kernels("encoder.block.{0}.block.4.weight"),
            DecoderDim = (int)second[0], DecoderRates = Kernels("decoder.model.{0}.block.1.weight"), LatentDim = (int)second[1],
            CodebookSize = (int)shapes["quantizer.quantizers.0.codebook.weight"][0], CodebookDim = (int)shapes["quantizer.quantizers.0.codebook.weight"][1],
            Strides = [4, 2, 1], Noise = shapes.Keys.Any(k => k.EndsWith(".linear.weight", StringComparison.Ordinal)),
            Depthwise = shapes["encoder.block.1.block.0.block.1.weight"][1] == 1,
        }.Validate();
    }
}
