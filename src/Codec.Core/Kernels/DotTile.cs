using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Codec.Core.Kernels;

/// <summary>The innermost loop of <see cref="DotConv"/>: scalar products of a few rows with a few rows of weights. Every product is summed in the same order.</summary>
internal static unsafe class DotTile
{
    public const int Lanes = 16, Rows = 6, Outputs = 4;

    /// <summary>6 rows by 4 outputs.</summary>
    /// <param name="x">First row.</param>
    /// <param name="step">Floats from one row to the next.</param>
    /// <param name="rows">Rows that are there; the last stands for those that are not.</param>
    /// <param name="weights">First row of weights.</param>
    /// <param name="weightStep">Floats from one row of weights to the next.</param>
    /// <param name="outputs">How many of them there are.</param>
    /// <param name="length">Floats of every row.</param>
    /// <param name="sums">[6][4], the result.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(float* x, nint step, int rows, float* weights, nint weightStep, int outputs, nint length, float* sums)
    {
        float* p0 = x + Math.Min(0, rows - 1) * step, p1 = x + Math.Min(1, rows - 1) * step, p2 = x + Math.Min(2, rows - 1) * step;
        float* p3 = x + Math.Min(3, rows - 1) * step, p4 = x + Math.Min(4, rows - 1) * step, p5 = x + Math.Min(5, rows - 1) * step;
        float* q0 = weights, q1 = weights + Math.Min(1, outputs - 1) * weightStep, q2 = weights + Math.Min(2, outputs - 1) * weightStep, q3 = weights + Math.Min(3, outputs - 1) * weightStep;
        Vector512<float> a0 = Vector512<float>.Zero, b0 = Vector512<float>.Zero, c0 = Vector512<float>.Zero, d0 = Vector512<float>.Zero;
        Vector512<float> a1 = Vector512<float>.Zero, b1 = Vector512<float>.Zero, c1 = Vector512<float>.Zero, d1 = Vector512<float>.Zero;
        Vector512<float> a2 = Vector512<float>.Zero, b2 = Vector512<float>.Zero, c2 = Vector512<float>.Zero, d2 = Vector512<float>.Zero;
        Vector512<float> a3 = Vector512<float>.Zero, b3 = Vector512<float>.Zero, c3 = Vector512<float>.Zero, d3 = Vector512<float>.Zero;
        Vector512<float> a4 = Vector512<float>.Zero, b4 = Vector512<float>.Zero, c4 = Vector512<float>.Zero, d4 = Vector512<float>.Zero;
        Vector512<float> a5 = Vector512<float>.Zero, b5 = Vector512<float>.Zero, c5 = Vector512<float>.Zero, d5 = Vector512<float>.Zero;
        var whole = length / Lanes * Lanes;
        for (nint i = 0; i < whole; i += Lanes)
        {
            Vector512<float> w0 = Vector512.Load(q0 + i), w1 = Vector512.Load(q1 + i), w2 = Vector512.Load(q2 + i), w3 = Vector512.Load(q3 + i), s;
            s = Vector512.Load(p0 + i);
            a0 = Vector512.FusedMultiplyAdd(s, w0, a0); b0 = Vector512.FusedMultiplyAdd(s, w1, b0); c0 = Vector512.FusedMultiplyAdd(s, w2, c0); d0 = Vector512.FusedMultiplyAdd(s, w3, d0);
            s = Vector512.Load(p1 + i);
            a1 = Vector512.FusedMultiplyAdd(s, w0, a1); b1 = Vector512.FusedMultiplyAdd(s, w1, b1); c1 = Vector512.FusedMultiplyAdd(s, w2, c1); d1 = Vector512.FusedMultiplyAdd(s, w3, d1);
            s = Vector512.Load(p2 + i);
            a2 = Vector512.FusedMultiplyAdd(s, w0, a2); b2 = Vector512.FusedMultiplyAdd(s, w1, b2); c2 = Vector512.FusedMultiplyAdd(s, w2, c2); d2 = Vector512.FusedMultiplyAdd(s, w3, d2);
            s = Vector512.Load(p3 + i);
            a3 = Vector512.FusedMultiplyAdd(s, w0, a3); b3 = Vector512.FusedMultiplyAdd(s, w1, b3); c3 = Vector512.FusedMultiplyAdd(s, w2, c3); d3 = Vector512.FusedMultiplyAdd(s, w3, d3);
            s = Vector512.Load(p4 + i);
            a4 = Vector512.FusedMultiplyAdd(s, w0, a4); b4 = Vector512.FusedMultiplyAdd(s, w1, b4); c4 = Vector512.FusedMultiplyAdd(s, w2, c4); d4 = Vector512.FusedMultiplyAdd(s, w3, d4);
            s = Vector512.Load(p5 + i);
            a5 = Vector512.FusedMultiplyAdd(s, w0, a5); b5 = Vector512.FusedMultiplyAdd(s, w1, b5); c5 = Vector512.FusedMultiplyAdd(s, w2, c5); d5 = Vector512.FusedMultiplyAdd(s, w3, d5);
        }
        Vector128.Store(Sum(a0, b0, c0, d0), sums + 0);
        Vector128.Store(Sum(a1, b1, c1, d1), sums + 4);
        Vector128.Store(Sum(a2, b2, c2, d2), sums + 8);
        Vector128.Store(Sum(a3, b3, c3, d3), sums + 12);
        Vector128.Store(Sum(a4, b4, c4, d4), sums + 16);
        Vector128.Store(Sum(a5, b5, c5, d5), sums + 20);
        for (var r = 0; whole < length && r < rows; r++)
            for (var c = 0; c < outputs; c++)
                for (var i = whole; i < length; i++)
                    sums[r * Outputs + c] = MathF.FusedMultiplyAdd(x[r * step + i], weights[c * weightStep + i], sums[r * Outputs + c]);
    }

    /// <summary>The sums of four vectors' lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Sum(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d)
    {
        Vector128<float> p = Quarter(a), q = Quarter(b), r = Quarter(c), s = Quarter(d);
        return Sse3.IsSupported
            ? Sse3.HorizontalAdd(Sse3.HorizontalAdd(p, q), Sse3.HorizontalAdd(r, s))
            : Vector128.Create(Whole(p), Whole(q), Whole(r), Whole(s));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Quarter(Vector512<float> a)
    {
        var half = a.GetLower() + a.GetUpper();
        return half.GetLower() + half.GetUpper();
    }

    private static float Whole(Vector128<float> a) => (a[0] + a[1]) + (a[2] + a[3]);
}
