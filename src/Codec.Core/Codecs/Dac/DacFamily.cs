using System.Text.RegularExpressions;
using Codec.Core.Checkpoints;
using TorchSharp;

namespace Codec.Core.Codecs.Dac;

/// <summary>DAC checkpoints: the published weights.pth, plain state dictionaries, and the Hugging Face conversion.</summary>
public sealed partial class DacFamily : ICodecFamily
{
    private const string Licence = "MIT (published weights)";

    public string Name => "dac";

    public IReadOnlyList<CodecPreset> Presets { get; } =
    [
        new(20, "dac/16khz", Licence), new(21, "dac/24khz", Licence), new(22, "dac/44khz", Licence), new(23, "dac/44khz-16kbps", Licence),
        new(29, "dac/custom", "unknown"),
    ];

    public bool Recognises(Checkpoint checkpoint)
        => checkpoint.Tensors.ContainsKey("quantizer.quantizers.0.codebook.weight")
            && (checkpoint.Tensors.ContainsKey("encoder.snake1.alpha") || checkpoint.Tensors.Keys.Any(k => LastSnake().IsMatch(k)));

    public CodecDescription Describe(Checkpoint checkpoint)
    {
        var config = ConfigOf(checkpoint);
        var preset = PresetOf(config);
        return new CodecDescription(preset, DacCodec.InfoOf(config, preset), WeightNorm.Fold(checkpoint.Tensors.Values).Sum(t => t.Elements));
    }

    public ICodec Load(Checkpoint checkpoint) => LoadDac(checkpoint);

    /// <summary>As <see cref="Load"/>, with access to the parts.</summary>
    public DacCodec LoadDac(Checkpoint checkpoint)
    {
        var config = ConfigOf(checkpoint);
        var model = new DacModel(config);
        var huggingFace = checkpoint.Tensors.ContainsKey("encoder.snake1.alpha");
        try
        {
            checkpoint.LoadInto(model, huggingFace ? key => FromHuggingFace(key, config) : null);
        }
        catch
        {
            model.Dispose();
            throw;
        }
        return new DacCodec(config, model, PresetOf(config), checkpoint.Sha256);
    }

    public ICodec CreateTiny(int seed)
    {
        torch.manual_seed(seed);
        var config = new DacConfig
        {
            SampleRate = 16_000, EncoderDim = 2, EncoderRates = [2, 4, 5], DecoderDim = 16, DecoderRates = [5, 4, 2],
            Codebooks = 3, CodebookSize = 32, CodebookDims = [4, 4, 4],
        };
        return new DacCodec(config, new DacModel(config), PresetOf(config));
    }

    /// <summary>The configuration that came with the file; else what the shapes tell.</summary>
    internal static DacConfig ConfigOf(Checkpoint checkpoint)
        => CheckpointConfig.Find(checkpoint, "encoder_rates", "downsampling_ratios") is { } json ? DacConfig.Read(json) : DacShapes.Infer(checkpoint);

    private CodecPreset PresetOf(DacConfig c)
    {
        var published = c.EncoderDim == 64 && c.DecoderDim == 1536 && c.CodebookSize == 1024 && c.CodebookDims.All(d => d == 8);
        return Presets[(published, c.SampleRate, c.Codebooks, c.Latent) switch
        {
            (true, 16_000, 12, 1024) => 0,
            (true, 24_000, 32, 1024) => 1,
            (true, 44_100, 9, 1024) => 2,
            (true, 44_100, 18, 128) => 3,
            _ => 4,
        }];
    }

    /// <summary>A key of the Hugging Face conversion in the words of the original.</summary>
    internal static string FromHuggingFace(string key, DacConfig config)
    {
        var (down, up) = (config.EncoderRates.Count, config.DecoderRates.Count);
        var match = Block().Match(key);
        if (!match.Success)
            return Top().Replace(key, m => (m.Groups[1].Value, m.Groups[2].Value) switch
            {
                ("encoder", "conv1") => "encoder.block.0.",
                ("encoder", "snake1") => $"encoder.block.{down + 1}.",
                ("encoder", _) => $"encoder.block.{down + 2}.",
                (_, "conv1") => "decoder.model.0.",
                (_, "snake1") => $"decoder.model.{up + 1}.",
                _ => $"decoder.model.{up + 2}.",
            });
        var encoder = match.Groups["part"].Value == "encoder";
        var index = int.Parse(match.Groups["block"].ValueSpan, System.Globalization.CultureInfo.InvariantCulture) + 1;
        var prefix = encoder ? $"encoder.block.{index}.block" : $"decoder.model.{index}.block";
        var rest = match.Groups["rest"].Value;
        if (!match.Groups["unit"].Success)
            return $"{prefix}.{(rest, encoder) switch { ("snake1", true) => 3, ("conv1", true) => 4, ("snake1", false) => 0, _ => 1 }}.{match.Groups["tail"]}";
        var unit = int.Parse(match.Groups["unit"].ValueSpan, System.Globalization.CultureInfo.InvariantCulture) + (encoder ? -1 : 1);
        return $"{prefix}.{unit}.block.{rest switch { "snake1" => 0, "conv1" => 1, "snake2" => 2, _ => 3 }}.{match.Groups["tail"]}";
    }

    [GeneratedRegex(@"^encoder\.block\.\d+\.alpha$")]
    private static partial Regex LastSnake();

    [GeneratedRegex(@"^(encoder|decoder)\.(conv1|snake1|conv2)\.")]
    private static partial Regex Top();

    [GeneratedRegex(@"^(?<part>encoder|decoder)\.block\.(?<block>\d{1,3})\.(res_unit(?<unit>\d)\.)?(?<rest>snake[12]|conv[12]|conv_t1)\.(?<tail>.+)$")]
    private static partial Regex Block();
}
