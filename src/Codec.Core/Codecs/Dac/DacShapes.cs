using Codec.Core.Checkpoints;

namespace Codec.Core.Codecs.Dac;

/// <summary>The configuration of a DAC checkpoint that came without one, from the shapes of its tensors.</summary>
internal static class DacShapes
{
    /// <exception cref="CheckpointException">Tensors that the shape needs are absent.</exception>
    public static DacConfig Infer(Checkpoint checkpoint)
    {
        var shapes = WeightNorm.Fold(checkpoint.Tensors.Values).ToDictionary(t => t.Name, t => t.Shape);
        var huggingFace = shapes.ContainsKey("encoder.snake1.alpha");
        long[] Shape(string key) => shapes.TryGetValue(key, out var shape) && shape.Count == 3
            ? [.. shape]
            : throw new CheckpointException(checkpoint.FilePath, $"tensor {key} is absent or no convolution weight: the model's shape is unknown");
        // A strided convolution has a kernel of twice its stride.
        var down = Kernels(shapes, huggingFace ? "encoder.block.{0}.conv1.weight" : "encoder.block.{0}.block.4.weight");
        var up = Kernels(shapes, huggingFace ? "decoder.block.{0}.conv_t1.weight" : "decoder.model.{0}.block.1.weight");
        var books = Enumerable.Range(0, 4096).TakeWhile(k => shapes.ContainsKey($"quantizer.quantizers.{k}.codebook.weight")).ToArray();
        return new DacConfig
        {
            EncoderDim = (int)Shape(huggingFace ? "encoder.conv1.weight" : "encoder.block.0.weight")[0],
            DecoderDim = (int)Shape(huggingFace ? "decoder.conv1.weight" : "decoder.model.0.weight")[0],
            LatentDim = (int)Shape(huggingFace ? "decoder.conv1.weight" : "decoder.model.0.weight")[1],
            EncoderRates = down, DecoderRates = up, Codebooks = books.Length,
            CodebookSize = (int)shapes["quantizer.quantizers.0.codebook.weight"][0],
            CodebookDims = [.. books.Select(k => (int)shapes[$"quantizer.quantizers.{k}.codebook.weight"][^1])],
            SampleRate = SampleRate(down, books.Length),
        }.Validate();
    }

    private static int[] Kernels(Dictionary<string, IReadOnlyList<long>> shapes, string pattern)
        => [.. Enumerable.Range(0, 64)
            .Select(i => string.Format(System.Globalization.CultureInfo.InvariantCulture, pattern, i))
            .Where(key => shapes.TryGetValue(key, out var shape) && shape.Count == 3)
            .Select(key => (int)shapes[key][2] / 2)];

    /// <summary>Weights do not tell their rate: that of the published model with the same strides.</summary>
    private static int SampleRate(int[] strides, int books)
        => strides.SequenceEqual([2, 4, 5, 8]) ? books > 12 ? 24_000 : 16_000 : 44_100;
}
