using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Kernels;

/// <summary>
/// A matrix of 8- or 4-bit integers with one scale per 32 weights of a row: a quarter or an eighth of the memory that a
/// matrix-vector product waits for. Symmetric: w = scale * q, q in [-127, 127] or [-8, 7].
/// </summary>
public sealed unsafe class BlockMatrix
{
    /// <summary>Weights that share a scale.</summary>
    public const int Block = 32;

    private const int WidenedVectors = 8;     // from two fours on, a row is widened once for all of them
    private const int LongestWidened = 8192;  // two rows on the stack: 64 KB

    private readonly byte[] _data; // 8 bits: one a byte, signed; 4 bits: weights i and i + 16 of a block share a byte, offset 8
    private readonly float[] _scales;

    private BlockMatrix(int bits, int rows, int columns, byte[] data, float[] scales)
        => (Bits, Rows, Columns, _data, _scales) = (bits, rows, columns, data, scales);

    /// <summary>8 or 4.</summary>
    public int Bits { get; }

    public int Rows { get; }

    public int Columns { get; }

    /// <summary>Bytes of weights and (16-bit) scales on disk.</summary>
    public long DiskBytes => _data.Length + 2L * _scales.Length;

    /// <summary>The packed integers.</summary>
    public ReadOnlySpan<byte> Data => _data;

    /// <summary>One scale per block, exactly representable in 16 bits.</summary>
    public ReadOnlySpan<float> Scales => _scales;

    /// <summary>Rounds a matrix.</summary>
    /// <param name="weights">[rows, columns], row-major.</param>
    /// <param name="columns">A multiple of 32.</param>
    /// <param name="bits">8 or 4.</param>
    public static BlockMatrix Quantize(ReadOnlySpan<float> weights, int columns, int bits)
    {
        if (bits is not (8 or 4))
            throw new ArgumentOutOfRangeException(nameof(bits), bits, "8 or 4");
        if (columns <= 0 || columns % Block != 0 || weights.Length % columns != 0)
            throw new ArgumentException($"expected rows of a multiple of {Block} weights, found {columns}", nameof(columns));
        var scales = new float[weights.Length / Block];
        var data = new byte[weights.Length * bits / 8];
        Span<int> rounded = stackalloc int[Block];
        for (var b = 0; b < scales.Length; b++)
        {
            var block = weights.Slice(b * Block, Block);
            scales[b] = bits == 8 ? Scale8(block) : Scale4(block);
            Round(block, scales[b], bits, rounded);
            for (var i = 0; i < Block; i++)
                if (bits == 8)
                    data[b * Block + i] = (byte)(sbyte)rounded[i];
                else
                    data[b * Block / 2 + i % 16] |= (byte)((rounded[i] + 8) << (i < 16 ? 0 : 4));
        }
        return new BlockMatrix(bits, weights.Length / columns, columns, data, scales);
    }

    /// <summary>A matrix as it was stored.</summary>
    /// <exception cref="ArgumentException">Sizes that do not fit each other.</exception>
    public static BlockMatrix FromStored(int bits, int rows, int columns, byte[] data, float[] scales)
    {
        if (bits is not (8 or 4) || rows < 0 || columns <= 0 || columns % Block != 0
            || data.LongLength != (long)rows * columns * bits / 8 || scales.LongLength != (long)rows * columns / Block)
            throw new ArgumentException($"{data.Length} bytes and {scales.Length} scales are no {bits}-bit matrix of {rows} x {columns}");
        return new BlockMatrix(bits, rows, columns, data, scales);
    }

    /// <summary>The weights that the integers stand for: [rows, columns], row-major.</summary>
    public float[] Dequantize()
    {
        var weights = new float[(long)Rows * Columns];
        for (var i = 0; i < weights.Length; i++)
        {
            var within = i % Block;
            var q = Bits == 8 ? (sbyte)_data[i]
                : (_data[i / Block * 16 + within % 16] >> (within < 16 ? 0 : 4) & 15) - 8;
            weights[i] = q * _scales[i / Block];
        }
        return weights;
    }

    /// <summary>y = W x + b, x in full precision.</summary>
    /// <param name="x">float32 on the CPU, [..., columns].</param>
    /// <param name="bias_O">[rows] or null.</param>
    /// <returns>[..., rows].</returns>
    public Tensor Multiply(Tensor x, Tensor? bias_O)
    {
        using var scope = NewDisposeScope();
        var dense = x.contiguous();
        var y = empty([.. x.shape[..^1], Rows], ScalarType.Float32);
        nint from = (nint)ChannelPattern.Pointer(dense), to = (nint)ChannelPattern.Pointer(y);
        var vectors = dense.numel() / Columns;
        RowBlocks.Run(Rows, Columns * vectors, (first, last) => Multiply((float*)from, (float*)to, first, last, vectors, Rows));
        return (bias_O is null ? y : y.add_(bias_O)).MoveToOuterDisposeScope();
    }

    /// <summary>Some rows of the product, without allocating.</summary>
    /// <param name="x">[vectors, columns].</param>
    /// <param name="y">[vectors, stride].</param>
    /// <param name="first">First row.</param>
    /// <param name="last">Row after the last.</param>
    /// <param name="vectors">Any number.</param>
    /// <param name="stride">Floats from a vector's result to the next.</param>
    public void Multiply(float* x, float* y, long first, long last, long vectors, long stride)
    {
        fixed (byte* data = _data)
        fixed (float* scales = _scales)
        {
            var row = first;
            if (vectors >= WidenedVectors && Columns <= LongestWidened)
            {
                float* scratch = stackalloc float[2 * Columns + 16];
                scratch = (float*)(((nuint)scratch + 63) & ~(nuint)63); // rows on cache lines
                for (; row + 2 <= last; row += 2)
                {
                    Widen(data, scales, row, scratch);
                    Widen(data, scales, row + 1, scratch + Columns);
                    for (long v = 0; v + 4 <= vectors; v += 4)
                        TwoByFour(scratch, x + v * Columns, y + v * stride + row, stride);
                    Row(data, scales, row, x, y, vectors & ~3L, vectors, stride);
                    Row(data, scales, row + 1, x, y, vectors & ~3L, vectors, stride);
                }
            }
            for (; row < last; row++)
                Row(data, scales, row, x, y, 0, vectors, stride);
        }
    }

    /// <summary>One row of the product for vectors [v, vectors).</summary>
    private void Row(byte* data, float* scales, long row, float* x, float* y, long v, long vectors, long stride)
    {
        byte* weights = data + row * Columns * Bits / 8;
        float* scale = scales + row * (Columns / Block);
        for (; v + 4 <= vectors; v += 4)
        {
            var sums = Four(weights, scale, x + v * Columns);
            for (var i = 0; i < 4; i++)
                y[(v + i) * stride + row] = sums[i];
        }
        for (; v < vectors; v++)
            y[v * stride + row] = One(weights, scale, x + v * Columns);
    }

    private void Widen(byte* data, float* scales, long row, float* target)
    {
        byte* weights = data + row * Columns * Bits / 8;
        for (var b = 0; b < Columns / Block; b++, weights += Block * Bits / 8, target += Block)
        {
            var (low, high) = Weights(weights, scales[row * (Columns / Block) + b]);
            Vector512.Store(low, target);
            Vector512.Store(high, target + 16);
        }
    }

    // Two widened rows by four vectors: sixteen sums in registers, each in the order of One.
    private void TwoByFour(float* a, float* x, float* y, long stride)
    {
        Vector512<float> e0 = default, e1 = default, e2 = default, e3 = default, o0 = default, o1 = default, o2 = default, o3 = default;
        Vector512<float> f0 = default, f1 = default, f2 = default, f3 = default, p0 = default, p1 = default, p2 = default, p3 = default;
        float* b = a + Columns, x1 = x + Columns, x2 = x1 + Columns, x3 = x2 + Columns;
        for (long i = 0; i < Columns; i += Block)
        {
            Vector512<float> v0 = Vector512.Load(x + i), v1 = Vector512.Load(x1 + i), v2 = Vector512.Load(x2 + i), v3 = Vector512.Load(x3 + i);
            var w = Vector512.Load(a + i);
            (e0, e1, e2, e3) = (Vector512.FusedMultiplyAdd(w, v0, e0), Vector512.FusedMultiplyAdd(w, v1, e1), Vector512.FusedMultiplyAdd(w, v2, e2), Vector512.FusedMultiplyAdd(w, v3, e3));
            w = Vector512.Load(b + i);
            (f0, f1, f2, f3) = (Vector512.FusedMultiplyAdd(w, v0, f0), Vector512.FusedMultiplyAdd(w, v1, f1), Vector512.FusedMultiplyAdd(w, v2, f2), Vector512.FusedMultiplyAdd(w, v3, f3));
            (v0, v1, v2, v3) = (Vector512.Load(x + i + 16), Vector512.Load(x1 + i + 16), Vector512.Load(x2 + i + 16), Vector512.Load(x3 + i + 16));
            w = Vector512.Load(a + i + 16);
            (o0, o1, o2, o3) = (Vector512.FusedMultiplyAdd(w, v0, o0), Vector512.FusedMultiplyAdd(w, v1, o1), Vector512.FusedMultiplyAdd(w, v2, o2), Vector512.FusedMultiplyAdd(w, v3, o3));
            w = Vector512.Load(b + i + 16);
            (p0, p1, p2, p3) = (Vector512.FusedMultiplyAdd(w, v0, p0), Vector512.FusedMultiplyAdd(w, v1, p1), Vector512.FusedMultiplyAdd(w, v2, p2), Vector512.FusedMultiplyAdd(w, v3, p3));
        }
        var (first, second) = (LaneSum.Four(e0 + o0, e1 + o1, e2 + o2, e3 + o3), LaneSum.Four(f0 + p0, f1 + p1, f2 + p2, f3 + p3));
        for (var i = 0; i < 4; i++)
            (y[i * stride], y[i * stride + 1]) = (first[i], second[i]);
    }

    private float One(byte* weights, float* scales, float* x)
    {
        Vector512<float> even = default, odd = default;
        for (var b = 0; b < Columns / Block; b++, weights += Block * Bits / 8, x += Block)
        {
            var (low, high) = Weights(weights, scales[b]);
            even = Vector512.FusedMultiplyAdd(low, Vector512.Load(x), even);
            odd = Vector512.FusedMultiplyAdd(high, Vector512.Load(x + 16), odd);
        }
        return LaneSum.One(even + odd);
    }

    // The weights are widened once for four vectors, each of which adds in the order of a vector alone.
    private Vector128<float> Four(byte* weights, float* scales, float* x)
    {
        Vector512<float> e0 = default, e1 = default, e2 = default, e3 = default, o0 = default, o1 = default, o2 = default, o3 = default;
        float* x1 = x + Columns, x2 = x1 + Columns, x3 = x2 + Columns;
        for (long b = 0, i = 0; b < Columns / Block; b++, i += Block, weights += Block * Bits / 8)
        {
            var (low, high) = Weights(weights, scales[b]);
            e0 = Vector512.FusedMultiplyAdd(low, Vector512.Load(x + i), e0);
            e1 = Vector512.FusedMultiplyAdd(low, Vector512.Load(x1 + i), e1);
            e2 = Vector512.FusedMultiplyAdd(low, Vector512.Load(x2 + i), e2);
            e3 = Vector512.FusedMultiplyAdd(low, Vector512.Load(x3 + i), e3);
            o0 = Vector512.FusedMultiplyAdd(high, Vector512.Load(x + i + 16), o0);
            o1 = Vector512.FusedMultiplyAdd(high, Vector512.Load(x1 + i + 16), o1);
            o2 = Vector512.FusedMultiplyAdd(high, Vector512.Load(x2 + i + 16), o2);
            o3 = Vector512.FusedMultiplyAdd(high, Vector512.Load(x3 + i + 16), o3);
        }
        return LaneSum.Four(e0 + o0, e1 + o1, e2 + o2, e3 + o3);
    }

    /// <summary>The 32 weights of a block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private (Vector512<float> Low, Vector512<float> High) Weights(byte* block, float scale)
    {
        var factor = Vector512.Create(scale);
        if (Bits == 8)
            return (Floats(Vector128.Load((sbyte*)block)) * factor, Floats(Vector128.Load((sbyte*)block + 16)) * factor);
        var (pair, mask, offset) = (Vector128.Load(block), Vector128.Create((byte)15), Vector128.Create((sbyte)8));
        return (Floats((pair & mask).AsSByte() - offset) * factor, Floats(Vector128.ShiftRightLogical(pair, 4).AsSByte() - offset) * factor);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Floats(Vector128<sbyte> bytes)
    {
        if (System.Runtime.Intrinsics.X86.Avx512F.IsSupported)
            return Vector512.ConvertToSingle(System.Runtime.Intrinsics.X86.Avx512F.ConvertToVector512Int32(bytes));
        var (low, high) = Vector128.Widen(bytes);
        var (a, b) = Vector128.Widen(low);
        var (c, d) = Vector128.Widen(high);
        return Vector512.ConvertToSingle(Vector512.Create(Vector256.Create(a, b), Vector256.Create(c, d)));
    }

    private static float Scale8(ReadOnlySpan<float> block) => Stored(Largest(block) / 127);

    // The largest weight at -8 or near it, where that leaves the smaller squared error.
    private static float Scale4(ReadOnlySpan<float> block)
    {
        var largest = Largest(block);
        var (best, least) = (Stored(largest / 7), double.PositiveInfinity);
        Span<int> rounded = stackalloc int[Block];
        foreach (var divisor in (ReadOnlySpan<float>)[7, 7.5f, 8, -7, -7.5f, -8, 6.5f])
        {
            var scale = Stored(largest / divisor);
            Round(block, scale, 4, rounded);
            double error = 0;
            for (var i = 0; i < Block; i++)
                error += (block[i] - rounded[i] * scale) * (block[i] - rounded[i] * scale);
            if (error < least)
                (best, least) = (scale, error);
        }
        return best;
    }

    private static void Round(ReadOnlySpan<float> block, float scale, int bits, Span<int> rounded)
    {
        var (low, high) = bits == 8 ? (-127, 127) : (-8, 7);
        for (var i = 0; i < Block; i++)
            rounded[i] = scale == 0 ? 0 : Math.Clamp((int)MathF.Round(block[i] / scale), low, high);
    }

    private static float Largest(ReadOnlySpan<float> block)
    {
        var largest = 0f;
        foreach (var weight in block)
            largest = Math.Max(largest, Math.Abs(weight));
        return largest;
    }

    private static float Stored(float scale) => (float)(Half)scale;
}
