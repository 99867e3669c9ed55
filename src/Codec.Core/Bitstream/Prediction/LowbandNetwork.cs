namespace Codec.Core.Bitstream.Prediction;

/// <summary>The network that tells the size of the low band's coefficients from the codes of the books before it.</summary>
internal sealed class LowbandNetwork
{
    private const int Past = LowbandPrior.Past, Taps = LowbandPrior.Taps;

    private readonly IntegerLayer[] _layers;

    /// <param name="input">Over the sums of the embeddings at each tap, oldest first; rectified.</param>
    /// <param name="middle">Rectified.</param>
    /// <param name="output">Logarithm of each coefficient's expected share.</param>
    /// <exception cref="BitstreamException">They do not fit together.</exception>
    public LowbandNetwork(IntegerLayer input, IntegerLayer middle, IntegerLayer output)
    {
        _layers = [input, middle, output];
        if (input.Columns % (2 * Taps) != 0 || middle.Columns != input.Rows || output.Columns != middle.Rows)
            throw new BitstreamException("entropy prior", 0, "layers that fit together", $"{input.Columns} to {input.Rows}, {middle.Columns} to {middle.Rows}, {output.Columns} to {output.Rows}");
    }

    public IReadOnlyList<IntegerLayer> Layers => _layers;

    /// <summary>Length of an embedding.</summary>
    public int Width => _layers[0].Columns / Taps;

    /// <summary>Numbers of a frame in what <see cref="Run"/> gives.</summary>
    public int Stride => _layers[^1].Matrix.Sums;

    /// <summary>Logarithms of all coefficients' expected shares, in units of 2^-10 of a factor of two.</summary>
    /// <param name="neural">Has the embeddings.</param>
    /// <param name="block">One batch item.</param>
    /// <param name="books">That are kept.</param>
    /// <returns>[frame][<see cref="Stride"/>], the coefficients first.</returns>
    public int[] Run(NeuralPrior neural, Codes block, int books)
    {
        var frames = block.Frames;
        var x = new short[(frames + Taps - 1) * Width];
        for (var book = 0; book < books; book++)
            for (var t = 0; t < frames; t++)
                EmbeddingSums.Add(x.AsSpan((t + Past) * Width, Width), neural[book].Vector(block[book][t], Width));
        var stride = Width;
        foreach (var layer in _layers.SkipLast(1))
        {
            var sums = Multiply(layer, x, frames, stride);
            stride = layer.Matrix.Sums;
            x = new short[frames * stride];
            for (var t = 0; t < frames; t++)
                layer.Rectified(sums.AsSpan(t * stride, stride), x.AsSpan(t * stride, stride));
        }
        var logs = Multiply(_layers[^1], x, frames, stride);
        for (var t = 0; t < frames; t++)
            _layers[^1].Scaled(logs.AsSpan(t * Stride, Stride), 0, logs.AsSpan(t * Stride, Stride));
        return logs;
    }

    private static int[] Multiply(IntegerLayer layer, short[] x, int frames, int stride)
    {
        var sums = new int[frames * layer.Matrix.Sums];
        layer.Matrix.MultiplyAdd(0, 0, (layer.Columns + 1) / 2 * 2, x, frames, stride, sums);
        return sums;
    }
}
