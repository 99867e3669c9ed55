namespace Codec.Core.Bitstream.Prediction;

/// <summary>A linear layer with 8-bit weights: y[r] = (sum over c of w[r, c] x[c]) * scale[r] / 2^24 + bias[r], rounded down.</summary>
public sealed class IntegerLayer
{
    private readonly short[] _weights; // padded to whole vectors

    /// <param name="rows">Outputs.</param>
    /// <param name="columns">Inputs.</param>
    /// <param name="weights">Row-major.</param>
    /// <param name="scale">Per row, in units of 2^-24.</param>
    /// <param name="bias">Per row, in output units.</param>
    public IntegerLayer(int rows, int columns, sbyte[] weights, int[] scale, short[] bias)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(weights.Length, rows * columns);
        ArgumentOutOfRangeException.ThrowIfNotEqual(scale.Length, rows);
        ArgumentOutOfRangeException.ThrowIfNotEqual(bias.Length, rows);
        Rows = rows;
        Columns = columns;
        Weights = weights;
        Scale = scale;
        Bias = bias;
        InputLength = IntegerKernels.Padded(columns);
        _weights = new short[rows * InputLength];
        for (var r = 0; r < rows; r++)
            for (var c = 0; c < columns; c++)
                _weights[r * InputLength + c] = weights[r * columns + c];
    }

    public int Rows { get; }

    public int Columns { get; }

    /// <summary>Columns, padded: inputs are this long, with zeros at the end.</summary>
    public int InputLength { get; }

    public sbyte[] Weights { get; }

    public int[] Scale { get; }

    public short[] Bias { get; }

    /// <summary>A layer of rounded weights, each row with a scale of its own.</summary>
    /// <param name="weights">[rows, columns].</param>
    /// <param name="bias">[rows].</param>
    /// <param name="gain">Output units per real unit over input units per real unit.</param>
    /// <param name="unit">Output units per real unit.</param>
    public static IntegerLayer Quantize(float[,] weights, float[] bias, double gain, double unit)
    {
        var (rows, columns) = (weights.GetLength(0), weights.GetLength(1));
        var rounded = new sbyte[rows * columns];
        var scale = new int[rows];
        var roundedBias = new short[rows];
        for (var r = 0; r < rows; r++)
        {
            double most = 1e-9;
            for (var c = 0; c < columns; c++)
                most = Math.Max(most, Math.Abs(weights[r, c]));
            for (var c = 0; c < columns; c++)
                rounded[r * columns + c] = (sbyte)Math.Round(weights[r, c] / most * 127);
            scale[r] = (int)Math.Round(most / 127 * gain * (1 << 24));
            roundedBias[r] = (short)Math.Clamp(Math.Round(bias[r] * unit), short.MinValue, short.MaxValue);
        }
        return new IntegerLayer(rows, columns, rounded, scale, roundedBias);
    }

    /// <summary>The real weights [rows, columns] and biases that these integers stand for.</summary>
    /// <param name="gain">As in <see cref="Quantize"/>.</param>
    /// <param name="unit">As in <see cref="Quantize"/>.</param>
    public (float[,] Weight, float[] Bias) Dequantize(double gain, double unit)
    {
        var weight = new float[Rows, Columns];
        for (var r = 0; r < Rows; r++)
            for (var c = 0; c < Columns; c++)
                weight[r, c] = (float)(Weights[r * Columns + c] * (Scale[r] / gain / (1 << 24)));
        return (weight, [.. Bias.Select(b => (float)(b / unit))]);
    }

    /// <param name="x"><see cref="InputLength"/> values.</param>
    /// <param name="y"><see cref="Rows"/> values.</param>
    internal void Apply(ReadOnlySpan<short> x, Span<int> y)
    {
        IntegerKernels.Multiply(_weights, x, y);
        for (var r = 0; r < y.Length; r++)
            y[r] = (int)((long)y[r] * Scale[r] >> 24) + Bias[r];
    }
}
