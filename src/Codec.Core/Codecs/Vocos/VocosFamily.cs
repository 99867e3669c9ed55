using Codec.Audio;
using Codec.Core.Checkpoints;

namespace Codec.Core.Codecs.Vocos;

/// <summary>What `codec models` says of a vocoder.</summary>
/// <param name="Name">vocos/mel or vocos/encodec.</param>
/// <param name="Licence">Of the published weights.</param>
/// <param name="Config">Shape.</param>
/// <param name="CodebookRows">Codebooks x entries of a vocoder of codes; 0 for one of mel features.</param>
/// <param name="Parameters">Numbers that inference uses.</param>
public sealed record VocosDescription(string Name, string Licence, VocosConfig Config, int CodebookRows, long Parameters);

/// <summary>Vocos checkpoints (config.yaml and pytorch_model.bin, or a JSON configuration). They are vocoders.</summary>
public static class VocosFamily
{
    private const string Features = "feature_extractor.", Encodec = "feature_extractor.encodec.", Table = "feature_extractor.codebook_weights";

    /// <summary>True for a Vocos vocoder, of either kind.</summary>
    public static bool Recognises(Checkpoint checkpoint)
        => checkpoint.Tensors.ContainsKey("backbone.embed.weight") && checkpoint.Tensors.ContainsKey("head.out.weight")
            && (checkpoint.Tensors.ContainsKey(Table) || checkpoint.Tensors.ContainsKey("feature_extractor.mel_spec.mel_scale.fb"));

    /// <summary>What a vocoder checkpoint holds, without loading its tensors.</summary>
    /// <exception cref="CheckpointException">Its shape does not show.</exception>
    /// <exception cref="ConfigException">The configuration beside it is damaged.</exception>
    public static VocosDescription Describe(Checkpoint checkpoint)
    {
        var config = ConfigOf(checkpoint);
        var rows = checkpoint.Tensors.TryGetValue(Table, out var table) ? (int)table.Shape[0] : 0;
        var parameters = checkpoint.Tensors.Values.Where(t => Inference(t.Name) is { } key && (key == Table || !key.StartsWith(Features, StringComparison.Ordinal))
            && !key.EndsWith(".window", StringComparison.Ordinal)).Sum(t => t.Elements);
        return new VocosDescription(config.Mel is null ? "vocos/encodec" : "vocos/mel", "MIT (published weights)", config, rows, parameters);
    }

    /// <summary>A key of the published checkpoint; null for an EnCodec model within it and for what is computed.</summary>
    private static string? Inference(string key)
        => key.StartsWith(Encodec, StringComparison.Ordinal) || key.EndsWith("_twiddle", StringComparison.Ordinal) ? null : key;

    /// <summary>The vocoder of a checkpoint; an EnCodec model within it is left out.</summary>
    /// <exception cref="CheckpointException">Keys are missing, unexpected or misshapen.</exception>
    /// <exception cref="ConfigException">The configuration beside it is damaged.</exception>
    public static VocosModel LoadModel(Checkpoint checkpoint)
    {
        var rows = checkpoint.Tensors.TryGetValue(Table, out var table) ? (int)table.Shape[0] : 0;
        var model = new VocosModel(ConfigOf(checkpoint), rows);
        try
        {
            checkpoint.LoadInto(model, Inference);
        }
        catch
        {
            model.Dispose();
            throw;
        }
        model.eval();
        return model;
    }

    /// <summary>From config.yaml or config.json beside the file; else from the shapes, with the published hop for the frame length.</summary>
    internal static VocosConfig ConfigOf(Checkpoint checkpoint)
    {
        if (checkpoint.Sibling("config.yaml") is { } yaml)
            return VocosConfig.Read(MiniYaml.ReadFile(yaml));
        if (CheckpointConfig.Find(checkpoint, "backbone") is { } json)
            return VocosConfig.Read(json);
        return Infer(checkpoint);
    }

    private static VocosConfig Infer(Checkpoint checkpoint)
    {
        int Size(string key, int axis) => checkpoint.Tensors.TryGetValue(key, out var t) && t.Shape.Count > axis
            ? (int)t.Shape[axis]
            : throw new CheckpointException(checkpoint.FilePath, $"the model's shape does not show: {key} is absent");
        var mel = checkpoint.Tensors.ContainsKey(Features + "mel_spec.mel_scale.fb");
        var mdct = checkpoint.Tensors.ContainsKey("head.imdct.window");
        var frame = Size(mdct ? "head.imdct.window" : "head.istft.window", 0);
        var melFrame = mel ? Size(Features + "mel_spec.spectrogram.window", 0) : 0;
        return new VocosConfig
        {
            Mel = mel ? new VocosMelConfig { FrameLength = melFrame, HopLength = melFrame / 4, Bands = Size(Features + "mel_spec.mel_scale.fb", 1) } : null,
            Bandwidths = mel ? [] : [1.5, 3, 6, 12],
            Backbone = VocosShapes.Backbone(checkpoint),
            Head = new VocosHeadConfig
            {
                Kind = !mdct ? VocosHeadKind.Stft : Size("head.out.weight", 0) == frame ? VocosHeadKind.ImdctCos : VocosHeadKind.ImdctSymExp,
                Dim = Size("head.out.weight", 1), FrameLength = frame, HopLength = mdct ? frame / 2 : frame / 4,
                Padding = mel ? Layers.FramePadding.Center : Layers.FramePadding.Same,
            },
        };
    }
}
