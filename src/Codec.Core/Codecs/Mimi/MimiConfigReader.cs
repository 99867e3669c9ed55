using System.Text.Json;
using Codec.Audio;
using Codec.Core.Checkpoints;
using Codec.Core.Layers.Seanet;

namespace Codec.Core.Codecs.Mimi;

/// <summary>The config of a Mimi checkpoint: sizes from its shapes; heads and context from the config.json beside it, else as published.</summary>
public static class MimiConfigReader
{
    private const int PublishedHeadDimension = 64;

    /// <param name="checkpoint">In any key scheme.</param>
    /// <param name="json">Hugging Face's or the recorded cases' config.json; null: that beside the checkpoint, if any.</param>
    /// <exception cref="CheckpointException">No Mimi, or sizes that contradict each other.</exception>
    public static (Checkpoint Canonical, MimiConfig Config) Read(Checkpoint checkpoint, JsonElement? json = null)
    {
        try
        {
            var config = json ?? (checkpoint.Sibling("config.json") is { } file ? JsonFile.Read(file) : default);
            var heads = Heads(config);
            var canonical = MimiKeys.Canonical(checkpoint, heads);
            return (canonical, FromShapes(canonical, config, heads).Validate());
        }
        catch (ConfigException e)
        {
            throw new CheckpointException(checkpoint.FilePath, $"its config: {e.Message}", e);
        }
    }

    private static MimiConfig FromShapes(Checkpoint canonical, JsonElement json, int? heads)
    {
        var seanet = SeanetShapes.Read(canonical);
        int Count(string pattern) => Enumerable.Range(0, 256).TakeWhile(i => canonical.Tensors.ContainsKey(string.Format(System.Globalization.CultureInfo.InvariantCulture, pattern, i))).Count();
        var layers = Count("encoder_transformer.transformer.layers.{0}.norm1.weight");
        var (first, rest) = (Count("quantizer.rvq_first.rvq.quantizers.{0}.codebook.weight"), Count("quantizer.rvq_rest.rvq.quantizers.{0}.codebook.weight"));
        if (seanet is null || layers == 0 || first == 0 || rest == 0)
            throw new CheckpointException(canonical.FilePath, "is no Mimi checkpoint: encoder, transformer or codebooks are absent");
        var book = canonical.Tensors["quantizer.rvq_first.rvq.quantizers.0.codebook.weight"].Shape;
        var feed = canonical.Tensors.GetValueOrDefault("encoder_transformer.transformer.layers.0.linear1.weight")?.Shape[0] ?? 0;
        var down = canonical.Tensors.GetValueOrDefault("downsample.conv.conv.conv.weight")?.Shape is { Count: 3 } shape ? shape[2] / 2 : 2;
        return new MimiConfig
        {
            Seanet = MimiConfig.Causal(seanet),
            SampleRate = (int)(Number(json, "sample_rate") ?? Number(json, "sampling_rate") ?? 24000),
            Downsampling = (int)down,
            CodebookSize = (int)book[0], CodebookDimension = (int)book[1], Books = first + rest, SemanticBooks = first,
            Transformer = new MimiTransformerConfig
            {
                Layers = layers, FeedForward = (int)feed,
                Heads = heads ?? Math.Max(seanet.Dimension / PublishedHeadDimension, 1),
                Context = (int)(Number(json, "sliding_window") ?? Number(Transformer(json), "context") ?? 250),
                MaxPeriod = Number(json, "rope_theta") ?? Number(Transformer(json), "max_period") ?? 10_000,
            },
        };
    }

    private static int? Heads(JsonElement json) => (int?)(Number(json, "num_attention_heads") ?? Number(Transformer(json), "num_heads"));

    private static JsonElement Transformer(JsonElement json)
        => json.ValueKind == JsonValueKind.Object && json.TryGetProperty("transformer", out var part) ? part : default;

    private static double? Number(JsonElement json, string name)
        => json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;
}
