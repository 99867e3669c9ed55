using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Codec.Core.Bitstream.Prediction;

/// <summary>A linear layer with 8-bit weights: y[r] = (sum over c of w[r, c] x[c]) * scale[r] / 2^24 + bias[r], rounded down.</summary>
public sealed class IntegerLayer
{
    private const int ScaleBits = 24, Lanes = PackedMatrix.GroupRows;

    private readonly int[] _scale, _bias; // of every block, rounded up to the sums of its product with zeros

    /// <param name="columns">Inputs.</param>
    /// <param name="weights">Row-major.</param>
    /// <param name="scale">Per row, in units of 2^-24.</param>
    /// <param name="bias">Per row, in output units.</param>
    /// <param name="blockRows">Rows that are wanted together; 0: all.</param>
    public IntegerLayer(int columns, sbyte[] weights, int[] scale, short[] bias, int blockRows = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(weights.Length, scale.Length * columns);
        ArgumentOutOfRangeException.ThrowIfNotEqual(bias.Length, scale.Length);
        Columns = columns;
        Weights = weights;
        Scale = scale;
        Bias = bias;
        BlockRows = blockRows == 0 ? Rows : blockRows;
        Matrix = new PackedMatrix(weights, columns, BlockRows);
        var blocks = (Rows + BlockRows - 1) / BlockRows;
        (_scale, _bias) = (new int[blocks * Matrix.Sums], new int[blocks * Matrix.Sums]);
        for (var r = 0; r < Rows; r++)
        {
            var at = r / BlockRows * Matrix.Sums + r % BlockRows;
            (_scale[at], _bias[at]) = (scale[r], bias[r]);
        }
    }

    public int Rows => Scale.Length;

    public int Columns { get; }

    /// <summary>Rows that are multiplied together.</summary>
    public int BlockRows { get; }

    public sbyte[] Weights { get; }

    public int[] Scale { get; }

    public short[] Bias { get; }

    internal PackedMatrix Matrix { get; }

    /// <summary>A layer of rounded weights, each row with a scale of its own.</summary>
    /// <param name="real">Weights [rows, columns] and biases.</param>
    /// <param name="gain">Output units per real unit over input units per real unit.</param>
    /// <param name="unit">Output units per real unit.</param>
    /// <param name="blockRows">As in the constructor.</param>
    public static IntegerLayer Quantize(LinearWeights real, double gain, double unit, int blockRows = 0)
    {
        var (weights, bias) = real;
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
            scale[r] = (int)Math.Clamp(Math.Round(most / 127 * gain * (1 << 24)), 1, int.MaxValue);
            roundedBias[r] = (short)Math.Clamp(Math.Round(bias[r] * unit), short.MinValue, short.MaxValue);
        }
        return new IntegerLayer(columns, rounded, scale, roundedBias, blockRows);
    }

    /// <summary>The real weights and biases that these integers stand for.</summary>
    /// <param name="gain">As in <see cref="Quantize"/>.</param>
    /// <param name="unit">As in <see cref="Quantize"/>.</param>
    public LinearWeights Dequantize(double gain, double unit)
    {
        var weight = new float[Rows, Columns];
        for (var r = 0; r < Rows; r++)
            for (var c = 0; c < Columns; c++)
                weight[r, c] = (float)(Weights[r * Columns + c] * (Scale[r] / gain / (1 << 24)));
        return new LinearWeights(weight, [.. Bias.Select(b => (float)(b / unit))]);
    }

    /// <summary>Outputs of a block from its sums.</summary>
    /// <param name="sums">All that the product with the block gave.</param>
    /// <param name="block">Which.</param>
    /// <param name="y">As many; those behind the last row are zero.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void Scaled(ReadOnlySpan<int> sums, int block, Span<int> y)
    {
        for (var r = 0; r < Matrix.Sums; r += Lanes)
            Outputs(sums, block * Matrix.Sums, r).CopyTo(y[r..]);
    }

    /// <summary>Outputs from the sums of all rows, clamped to 0 ... 32767; the rest of y becomes zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal void Rectified(ReadOnlySpan<int> sums, Span<short> y)
    {
        for (var r = 0; r < Matrix.Sums; r += Lanes)
        {
            var clamped = Vector512.Min(Vector512.Max(Outputs(sums, 0, r), Vector512<int>.Zero), Vector512.Create((int)short.MaxValue));
            Vector256.Narrow(clamped.GetLower(), clamped.GetUpper()).CopyTo(y[r..]);
        }
        y[Matrix.Sums..].Clear();
    }

    /// <summary>Sixteen of them. Products have 64 bits; what they give is cut to 32, the same on every machine.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector512<int> Outputs(ReadOnlySpan<int> sums, int first, int row)
    {
        var (low, high) = Vector512.Widen(Vector512.Create(sums[row..]));
        var (lowScale, highScale) = Vector512.Widen(Vector512.Create(_scale.AsSpan(first + row)));
        return Vector512.Narrow(Vector512.ShiftRightArithmetic(low * lowScale, ScaleBits), Vector512.ShiftRightArithmetic(high * highScale, ScaleBits))
            + Vector512.Create(_bias.AsSpan(first + row));
    }
}

/// <summary>A linear layer in real numbers.</summary>
/// <param name="Weight">[rows, columns].</param>
/// <param name="Bias">[rows].</param>
public readonly record struct LinearWeights(float[,] Weight, float[] Bias);
