using Codec.Core.Checkpoints;

namespace Codec.Core.Codecs.Esc;

/// <summary>The configuration that the shapes of an ESC checkpoint tell; what they do not tell (rate, hop, bins) is as published.</summary>
internal static class EscShapes
{
    public static EscConfig Read(Checkpoint checkpoint)
    {
        var published = new EscConfig();
        var convolutions = checkpoint.Tensors.ContainsKey("encoder.pre_nn.conv.weight");
        var layers = Count(i => $"encoder.blocks.{i}.{(convolutions ? "blocks.0.block.0.conv.weight" : "subsample.down.weight")}");
        var depth = Count(i => convolutions ? $"encoder.blocks.0.blocks.{i}.block.0.conv.weight" : $"encoder.blocks.0.swint_blocks.{i}.norm1.weight");
        var embed = Shape("encoder.patch_embed.proj.weight", 4);
        var channels = Enumerable.Range(0, layers).Select(i => (int)Shape(convolutions ? $"encoder.blocks.{i}.blocks.{depth}.conv.weight" : $"encoder.blocks.{i}.subsample.down.weight", convolutions ? 4 : 2)[0]);
        var config = published with
        {
            Channels = [(int)embed[0], .. channels], PatchBins = (int)embed[2], PatchColumns = (int)embed[3],
            Backbone = convolutions ? EscBackbone.Convolution : EscBackbone.Transformer,
            Groups = Count(i => $"quantizers.0.vqs.{i}.embedding.weight"), CodebookSize = (int)Shape("quantizers.0.vqs.0.embedding.weight", 2)[0],
            CodebookDimensions = [.. Enumerable.Range(0, layers + 1).Select(i => (int)Shape($"quantizers.{i}.vqs.0.embedding.weight", 2)[1])],
        };
        if (!convolutions)
            config = config with
            {
                Depth = depth, Heads = [.. Enumerable.Range(0, layers).Select(i => (int)Bias(i)[1])],
                Window = ((int)Math.Sqrt(Bias(0)[0]) + 1) / 2,
                MlpRatio = (double)Shape("encoder.blocks.0.swint_blocks.0.mlp.linear_1.weight", 2)[0] / embed[0],
            };
        else
        {
            var kernel = Shape("encoder.pre_nn.conv.weight", 4);
            config = config with { Kernel = [(int)kernel[2], (int)kernel[3]], ConvolutionDepth = depth };
        }
        var vector = config.Rows >> (config.Streams - 1);
        var width = Enumerable.Range(0, config.Groups).Sum(g => Shape($"quantizers.0.down_projs.{g}.weight", 2)[1]);
        return config with { Overlap = vector > 0 && config.Channels[^1] > 0 ? (int)(width / (vector * config.Channels[^1])) : published.Overlap };

        IReadOnlyList<long> Bias(int layer) => Shape($"encoder.blocks.{layer}.swint_blocks.0.attn.relative_position_bias_table", 2);

        int Count(Func<int, string> key) => Enumerable.Range(0, 64).TakeWhile(i => checkpoint.Tensors.ContainsKey(key(i))).Count();

        IReadOnlyList<long> Shape(string key, int rank) => checkpoint.Tensors.TryGetValue(key, out var tensor) && tensor.Shape.Count == rank
            ? tensor.Shape
            : throw new CheckpointException(checkpoint.FilePath, $"the model's shape does not show: {key} is absent or not of rank {rank}");
    }
}
