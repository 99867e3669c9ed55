using System.Text.RegularExpressions;
using Codec.Core.Checkpoints;
using Codec.Core.Layers.Seanet;

namespace Codec.Core.Codecs.Vocos;

/// <summary>Reads the training checkpoints of WavTokenizer and Language-Codec; all sizes show in the shapes.</summary>
internal static partial class SeanetVocosLoader
{
    private const int SampleRate = 24_000; // of every published model; weights do not tell their rate
    private const string Encoder = "feature_extractor.encodec.encoder.";

    /// <summary>True for a checkpoint of this architecture.</summary>
    public static bool Recognises(Checkpoint checkpoint)
        => checkpoint.Tensors.ContainsKey("backbone.embed.weight") && checkpoint.Tensors.ContainsKey("head.istft.window")
            && checkpoint.Tensors.ContainsKey("feature_extractor.encodec.quantizer.vq.layers.0._codebook.embed")
            && !checkpoint.Tensors.ContainsKey("feature_extractor.codebook_weights");

    /// <summary>The position net that WavTokenizer has and Language-Codec has not.</summary>
    public static bool HasPositionNet(Checkpoint checkpoint) => checkpoint.Tensors.ContainsKey("backbone.pos_net.0.norm1.weight");

    /// <summary>Folded weights under our keys; the unused SEANet decoder, discriminators and losses left out.</summary>
    public static Checkpoint Canonical(Checkpoint checkpoint) => checkpoint.WithTensors(
        from tensor in WeightNorm.Fold(checkpoint.Tensors.Values)
        let name = Rename(tensor.Name)
        where name is not null
        select tensor.Named(name));

    /// <exception cref="CheckpointException">Parts are absent.</exception>
    public static SeanetVocosConfig ConfigOf(Checkpoint canonical, int maskedBooks)
    {
        var seanet = SeanetShapes.Read(canonical) ?? throw new CheckpointException(canonical.FilePath, "the model's shape does not show: no SEANet encoder");
        var backbone = VocosShapes.Backbone(canonical);
        var books = Enumerable.Range(0, 256).TakeWhile(k => canonical.Tensors.ContainsKey($"quantizer.quantizers.{k}.codebook.weight")).Count();
        var json = CheckpointConfig.Find(canonical, "downsamples");
        return new SeanetVocosConfig(json is { } j ? new JsonFields(j).Int("sample_rate", SampleRate) : SampleRate, seanet, backbone, new VocosHeadConfig
        {
            Dim = backbone.Dim, FrameLength = (int)canonical.Tensors["head.istft.window"].Elements, HopLength = seanet.HopLength,
            Padding = json is { } fields ? VocosHeadConfig.ReadPadding(new JsonFields(fields)) : Layers.FramePadding.Same,
        }.Validate(), books, (int)canonical.Tensors["quantizer.quantizers.0.codebook.weight"].Shape[0], maskedBooks);
    }

    /// <exception cref="CheckpointException">Keys are missing, unexpected or misshapen.</exception>
    public static SeanetVocosCodec Load(Checkpoint checkpoint, int maskedBooks, Func<SeanetVocosConfig, CodecPreset> preset)
    {
        var canonical = Canonical(checkpoint);
        var config = ConfigOf(canonical, maskedBooks);
        var model = new SeanetVocosModel(config);
        try
        {
            canonical.LoadInto(model);
        }
        catch
        {
            model.Dispose();
            throw;
        }
        return new SeanetVocosCodec(config, model, preset(config), checkpoint.Sha256);
    }

    private static string? Rename(string key)
    {
        if (key.StartsWith(Encoder, StringComparison.Ordinal))
            return "encoder." + key[Encoder.Length..];
        if (Codebook().Match(key) is { Success: true } book)
            return $"quantizer.quantizers.{book.Groups[1].Value}.codebook.weight";
        return key.StartsWith("backbone.", StringComparison.Ordinal) || key.StartsWith("head.", StringComparison.Ordinal) ? key : null;
    }

    [GeneratedRegex(@"^feature_extractor\.encodec\.quantizer\.vq\.layers\.(\d{1,3})\._codebook\.embed$")]
    private static partial Regex Codebook();
}
