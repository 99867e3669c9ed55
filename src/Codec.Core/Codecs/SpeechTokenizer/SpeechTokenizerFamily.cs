using System.Text.RegularExpressions;
using Codec.Core.Checkpoints;
using Codec.Core.Layers.Seanet;
using TorchSharp;

namespace Codec.Core.Codecs.SpeechTokenizer;

/// <summary>SpeechTokenizer checkpoints: the published SpeechTokenizer.pt, a plain state dictionary. All sizes show in the shapes.</summary>
public sealed partial class SpeechTokenizerFamily : ICodecFamily
{
    private const int PublishedRate = 16_000;

    public string Name => "speechtokenizer";

    public IReadOnlyList<CodecPreset> Presets { get; } =
        [new(80, "speechtokenizer/16khz", "Apache-2.0 (published weights)"), new(89, "speechtokenizer/custom", "unknown")];

    public bool Recognises(Checkpoint checkpoint)
        => checkpoint.Tensors.ContainsKey("transform.weight") && checkpoint.Tensors.ContainsKey("quantizer.vq.layers.0._codebook.embed")
            && checkpoint.Tensors.Keys.Any(k => k.StartsWith("decoder.model.", StringComparison.Ordinal));

    public CodecDescription Describe(Checkpoint checkpoint)
    {
        var canonical = Canonical(checkpoint);
        var config = ConfigOf(canonical);
        return new CodecDescription(PresetOf(config), SpeechTokenizerCodec.InfoOf(config, PresetOf(config)), canonical.Elements);
    }

    public ICodec Load(Checkpoint checkpoint)
    {
        var canonical = Canonical(checkpoint);
        var config = ConfigOf(canonical);
        var model = new SpeechTokenizerModel(config);
        try
        {
            canonical.LoadInto(model);
        }
        catch
        {
            model.Dispose();
            throw;
        }
        return new SpeechTokenizerCodec(config, model, PresetOf(config), checkpoint.Sha256);
    }

    public ICodec CreateTiny(int seed)
    {
        torch.manual_seed(seed);
        var seanet = new SeanetConfig { Dimension = 6, Filters = 2, Ratios = [5, 4, 2], LstmLayers = 1, BidirectionalLstm = true };
        var config = new SpeechTokenizerConfig(PublishedRate, seanet, 3, 32, 4);
        return new SpeechTokenizerCodec(config, new SpeechTokenizerModel(config), PresetOf(config));
    }

    private CodecPreset PresetOf(SpeechTokenizerConfig c) => Presets[(c.Seanet.Dimension, c.Seanet.HopLength, c.Books) == (1024, 320, 8) ? 0 : 1];

    private static Checkpoint Canonical(Checkpoint checkpoint) => checkpoint.WithTensors(
        from tensor in WeightNorm.Fold(checkpoint.Tensors.Values)
        let book = Codebook().Match(tensor.Name)
        where !book.Success || book.Groups[2].Value == "embed"
        select book.Success ? tensor.Named($"quantizer.quantizers.{book.Groups[1].Value}.codebook.weight") : tensor);

    private static SpeechTokenizerConfig ConfigOf(Checkpoint canonical)
    {
        var seanet = SeanetShapes.Read(canonical) ?? throw new CheckpointException(canonical.FilePath, "the model's shape does not show: no SEANet encoder");
        var books = Enumerable.Range(0, 256).TakeWhile(k => canonical.Tensors.ContainsKey($"quantizer.quantizers.{k}.codebook.weight")).Count();
        var rate = CheckpointConfig.Find(canonical, "semantic_dimension") is { } json ? new JsonFields(json).Int("sample_rate", PublishedRate) : PublishedRate;
        return new SpeechTokenizerConfig(rate, seanet, books, (int)canonical.Tensors["quantizer.quantizers.0.codebook.weight"].Shape[0],
            (int)canonical.Tensors["transform.weight"].Shape[0]);
    }

    [GeneratedRegex(@"^quantizer\.vq\.layers\.(\d{1,3})\._codebook\.(\w+)$")]
    private static partial Regex Codebook();
}
