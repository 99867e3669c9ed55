using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Codec.Core.Kernels;

/// <summary>The innermost loop of <see cref="DotConv"/>: scalar products of a few rows with a few rows of weights. Every product is summed in the same order.</summary>
internal static unsafe class DotTile
{
    public const int Lanes = 16, Rows = 6, Outputs = 4;

    /// <summary>Taps that a row of inputs holds.</summary>
    public const int MostTaps = 1024;

    /// <summary>Rows that lie a power of two apart would push each other out of the cache.</summary>
    public const int RowStep = MostTaps + 3 * Lanes;

    /// <summary>6 rows by 4 outputs.</summary>
    /// <param name="x">First of six rows, <see cref="RowStep"/> floats apart.</param>
    /// <param name="rows">Rows that are there; the others hold any numbers.</param>
    /// <param name="weights">First row of weights.</param>
    /// <param name="weightStep">Floats from one row of weights to the next.</param>
    /// <param name="outputs">How many of them there are.</param>
    /// <param name="length">Floats of every row.</param>
    /// <param name="sums">[6][4], the result.</param>
    public static void Run(float* x, int rows, float* weights, nint weightStep, int outputs, nint length, float* sums)
    {
        if (VectorMath.HasWide)
            Wide(x, weights, weightStep, outputs, length / Lanes * Lanes, sums);
        else
            ByHalves(x, weights, weightStep, outputs, length / Lanes * Lanes, sums);
        for (var r = 0; length % Lanes > 0 && r < rows; r++)
            for (var c = 0; c < outputs; c++)
                for (var i = length / Lanes * Lanes; i < length; i++)
                    sums[r * Outputs + c] = MathF.FusedMultiplyAdd(x[r * RowStep + i], weights[c * weightStep + i], sums[r * Outputs + c]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Wide(float* x, float* weights, nint weightStep, int outputs, nint length, float* sums)
    {
        float* q0 = weights, q1 = weights + Math.Min(1, outputs - 1) * weightStep, q2 = weights + Math.Min(2, outputs - 1) * weightStep, q3 = weights + Math.Min(3, outputs - 1) * weightStep;
        Vector512<float> a0 = Vector512<float>.Zero, b0 = Vector512<float>.Zero, c0 = Vector512<float>.Zero, d0 = Vector512<float>.Zero;
        Vector512<float> a1 = Vector512<float>.Zero, b1 = Vector512<float>.Zero, c1 = Vector512<float>.Zero, d1 = Vector512<float>.Zero;
        Vector512<float> a2 = Vector512<float>.Zero, b2 = Vector512<float>.Zero, c2 = Vector512<float>.Zero, d2 = Vector512<float>.Zero;
        Vector512<float> a3 = Vector512<float>.Zero, b3 = Vector512<float>.Zero, c3 = Vector512<float>.Zero, d3 = Vector512<float>.Zero;
        Vector512<float> a4 = Vector512<float>.Zero, b4 = Vector512<float>.Zero, c4 = Vector512<float>.Zero, d4 = Vector512<float>.Zero;
        Vector512<float> a5 = Vector512<float>.Zero, b5 = Vector512<float>.Zero, c5 = Vector512<float>.Zero, d5 = Vector512<float>.Zero;
        for (nint i = 0; i < length; i += Lanes)
        {
            Vector512<float> w0 = Vector512.Load(q0 + i), w1 = Vector512.Load(q1 + i), w2 = Vector512.Load(q2 + i), w3 = Vector512.Load(q3 + i), s;
            s = Vector512.Load(x + i);
            a0 = Vector512.FusedMultiplyAdd(s, w0, a0); b0 = Vector512.FusedMultiplyAdd(s, w1, b0); c0 = Vector512.FusedMultiplyAdd(s, w2, c0); d0 = Vector512.FusedMultiplyAdd(s, w3, d0);
            s = Vector512.Load(x + i + RowStep);
            a1 = Vector512.FusedMultiplyAdd(s, w0, a1); b1 = Vector512.FusedMultiplyAdd(s, w1, b1); c1 = Vector512.FusedMultiplyAdd(s, w2, c1); d1 = Vector512.FusedMultiplyAdd(s, w3, d1);
            s = Vector512.Load(x + i + 2 * RowStep);
            a2 = Vector512.FusedMultiplyAdd(s, w0, a2); b2 = Vector512.FusedMultiplyAdd(s, w1, b2); c2 = Vector512.FusedMultiplyAdd(s, w2, c2); d2 = Vector512.FusedMultiplyAdd(s, w3, d2);
            s = Vector512.Load(x + i + 3 * RowStep);
            a3 = Vector512.FusedMultiplyAdd(s, w0, a3); b3 = Vector512.FusedMultiplyAdd(s, w1, b3); c3 = Vector512.FusedMultiplyAdd(s, w2, c3); d3 = Vector512.FusedMultiplyAdd(s, w3, d3);
            s = Vector512.Load(x + i + 4 * RowStep);
            a4 = Vector512.FusedMultiplyAdd(s, w0, a4); b4 = Vector512.FusedMultiplyAdd(s, w1, b4); c4 = Vector512.FusedMultiplyAdd(s, w2, c4); d4 = Vector512.FusedMultiplyAdd(s, w3, d4);
            s = Vector512.Load(x + i + 5 * RowStep);
            a5 = Vector512.FusedMultiplyAdd(s, w0, a5); b5 = Vector512.FusedMultiplyAdd(s, w1, b5); c5 = Vector512.FusedMultiplyAdd(s, w2, c5); d5 = Vector512.FusedMultiplyAdd(s, w3, d5);
        }
        Vector128.Store(Sum(a0, b0, c0, d0), sums + 0);
        Vector128.Store(Sum(a1, b1, c1, d1), sums + 4);
        Vector128.Store(Sum(a2, b2, c2, d2), sums + 8);
        Vector128.Store(Sum(a3, b3, c3, d3), sums + 12);
        Vector128.Store(Sum(a4, b4, c4, d4), sums + 16);
        Vector128.Store(Sum(a5, b5, c5, d5), sums + 20);
    }

    /// <summary>The same in parts that fit the registers of processors without 512-bit vectors.</summary>
    private static void ByHalves(float* x, float* weights, nint weightStep, int outputs, nint length, float* sums)
    {
        const int rows = 3;
        float* lanes = stackalloc float[rows * 2 * Lanes];
        for (var c = 0; c < outputs; c += 2)
            for (var r = 0; r < Rows; r += rows)
            {
                HalfTile.Dots(x + r * RowStep, RowStep, weights + c * weightStep, weights + Math.Min(c + 1, outputs - 1) * weightStep, length, lanes);
                for (var i = 0; i < rows; i++)
                    for (var j = 0; j < 2; j++)
                        sums[(r + i) * Outputs + c + j] = Sum(Vector512.Load(lanes + (i * 2 + j) * Lanes));
            }
    }

    /// <summary>The sums of four vectors' lanes: within quarters first ((0 + 2) + (1 + 3)), then of the quarters ((0 + 2) + (1 + 3)).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Sum(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d)
    {
        if (!Avx512F.IsSupported)
            return Vector128.Create(Sum(a), Sum(b), Sum(c), Sum(d));
        var ab = Avx512F.UnpackLow(a, b) + Avx512F.UnpackHigh(a, b); // a0 + a2, b0 + b2, a1 + a3, b1 + b3 in every quarter
        var cd = Avx512F.UnpackLow(c, d) + Avx512F.UnpackHigh(c, d);
        var abcd = Avx512F.Shuffle(ab, cd, 0b01_00_01_00) + Avx512F.Shuffle(ab, cd, 0b11_10_11_10);
        var half = abcd.GetLower() + abcd.GetUpper();
        return half.GetLower() + half.GetUpper();
    }

    private static float Sum(Vector512<float> a)
    {
        Vector256<float> low = a.GetLower(), high = a.GetUpper();
        return (Quarter(low.GetLower()) + Quarter(high.GetLower())) + (Quarter(low.GetUpper()) + Quarter(high.GetUpper()));
    }

    private static float Quarter(Vector128<float> a)
    {
        var pairs = a.GetLower() + a.GetUpper();
        return pairs[0] + pairs[1];
    }
}
