using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Codec.Core.Kernels;

/// <summary>
/// The innermost loops of <see cref="DenseConv"/>: eight output rows by one or two vectors of output channels, held in
/// registers while the taps run past. Every output is one chain of fused multiply-adds in the order of the taps.
/// </summary>
internal static unsafe class DenseTile
{
    public const int Lanes = 16, Rows = 8;

    /// <summary>Where a tile reads: row r starts at first + r step; rows beyond the last repeat it. Taps are segments of consecutive floats.</summary>
    internal readonly struct Source(float* first, long step, int rows, int segments, int length, long segmentStep)
    {
        public readonly int Segments = segments, Length = length;

        public float* Row(int segment, int row) => first + segment * segmentStep + Math.Min(row, rows - 1) * step;
    }

    /// <summary>32 output channels. weights: [taps][32].</summary>
    /// <param name="x">Inputs.</param>
    /// <param name="weights">Packed panel.</param>
    /// <param name="sums">[8][32], holds the starting values and receives the results.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Wide(in Source x, float* weights, float* sums)
    {
        Vector512<float> a0 = Load(sums, 0), b0 = Load(sums, 1), a1 = Load(sums, 2), b1 = Load(sums, 3), a2 = Load(sums, 4), b2 = Load(sums, 5);
        Vector512<float> a3 = Load(sums, 6), b3 = Load(sums, 7), a4 = Load(sums, 8), b4 = Load(sums, 9), a5 = Load(sums, 10), b5 = Load(sums, 11);
        Vector512<float> a6 = Load(sums, 12), b6 = Load(sums, 13), a7 = Load(sums, 14), b7 = Load(sums, 15);
        for (var segment = 0; segment < x.Segments; segment++)
        {
            float* p0 = x.Row(segment, 0), p1 = x.Row(segment, 1), p2 = x.Row(segment, 2), p3 = x.Row(segment, 3);
            float* p4 = x.Row(segment, 4), p5 = x.Row(segment, 5), p6 = x.Row(segment, 6), p7 = x.Row(segment, 7);
            for (nint i = 0; i < x.Length; i++, weights += 2 * Lanes)
            {
                Vector512<float> u = Load(weights, 0), v = Load(weights, 1), s = Vector512.Create(p0[i]);
                a0 = Vector512.FusedMultiplyAdd(s, u, a0); b0 = Vector512.FusedMultiplyAdd(s, v, b0); s = Vector512.Create(p1[i]);
                a1 = Vector512.FusedMultiplyAdd(s, u, a1); b1 = Vector512.FusedMultiplyAdd(s, v, b1); s = Vector512.Create(p2[i]);
                a2 = Vector512.FusedMultiplyAdd(s, u, a2); b2 = Vector512.FusedMultiplyAdd(s, v, b2); s = Vector512.Create(p3[i]);
                a3 = Vector512.FusedMultiplyAdd(s, u, a3); b3 = Vector512.FusedMultiplyAdd(s, v, b3); s = Vector512.Create(p4[i]);
                a4 = Vector512.FusedMultiplyAdd(s, u, a4); b4 = Vector512.FusedMultiplyAdd(s, v, b4); s = Vector512.Create(p5[i]);
                a5 = Vector512.FusedMultiplyAdd(s, u, a5); b5 = Vector512.FusedMultiplyAdd(s, v, b5); s = Vector512.Create(p6[i]);
                a6 = Vector512.FusedMultiplyAdd(s, u, a6); b6 = Vector512.FusedMultiplyAdd(s, v, b6); s = Vector512.Create(p7[i]);
                a7 = Vector512.FusedMultiplyAdd(s, u, a7); b7 = Vector512.FusedMultiplyAdd(s, v, b7);
            }
        }
        Store(sums, 0, a0, b0); Store(sums, 1, a1, b1); Store(sums, 2, a2, b2); Store(sums, 3, a3, b3);
        Store(sums, 4, a4, b4); Store(sums, 5, a5, b5); Store(sums, 6, a6, b6); Store(sums, 7, a7, b7);
    }

    /// <summary>16 output channels. weights: [taps][16]; sums: [8][16].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Narrow(in Source x, float* weights, float* sums)
    {
        Vector512<float> a0 = Load(sums, 0), a1 = Load(sums, 1), a2 = Load(sums, 2), a3 = Load(sums, 3);
        Vector512<float> a4 = Load(sums, 4), a5 = Load(sums, 5), a6 = Load(sums, 6), a7 = Load(sums, 7);
        for (var segment = 0; segment < x.Segments; segment++)
        {
            float* p0 = x.Row(segment, 0), p1 = x.Row(segment, 1), p2 = x.Row(segment, 2), p3 = x.Row(segment, 3);
            float* p4 = x.Row(segment, 4), p5 = x.Row(segment, 5), p6 = x.Row(segment, 6), p7 = x.Row(segment, 7);
            for (nint i = 0; i < x.Length; i++, weights += Lanes)
            {
                var u = Load(weights, 0);
                a0 = Vector512.FusedMultiplyAdd(Vector512.Create(p0[i]), u, a0);
                a1 = Vector512.FusedMultiplyAdd(Vector512.Create(p1[i]), u, a1);
                a2 = Vector512.FusedMultiplyAdd(Vector512.Create(p2[i]), u, a2);
                a3 = Vector512.FusedMultiplyAdd(Vector512.Create(p3[i]), u, a3);
                a4 = Vector512.FusedMultiplyAdd(Vector512.Create(p4[i]), u, a4);
                a5 = Vector512.FusedMultiplyAdd(Vector512.Create(p5[i]), u, a5);
                a6 = Vector512.FusedMultiplyAdd(Vector512.Create(p6[i]), u, a6);
                a7 = Vector512.FusedMultiplyAdd(Vector512.Create(p7[i]), u, a7);
            }
        }
        Vector512.Store(a0, sums); Vector512.Store(a1, sums + Lanes); Vector512.Store(a2, sums + 2 * Lanes); Vector512.Store(a3, sums + 3 * Lanes);
        Vector512.Store(a4, sums + 4 * Lanes); Vector512.Store(a5, sums + 5 * Lanes); Vector512.Store(a6, sums + 6 * Lanes); Vector512.Store(a7, sums + 7 * Lanes);
    }

    /// <summary>One row, 32 output channels: bound by reading the weights. The same chains as <see cref="Wide"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Single(in Source x, float* weights, float* sums)
    {
        Vector512<float> a = Load(sums, 0), b = Load(sums, 1);
        for (var segment = 0; segment < x.Segments; segment++)
        {
            float* row = x.Row(segment, 0);
            for (nint i = 0; i < x.Length; i++, weights += 2 * Lanes)
            {
                var s = Vector512.Create(row[i]);
                a = Vector512.FusedMultiplyAdd(s, Load(weights, 0), a);
                b = Vector512.FusedMultiplyAdd(s, Load(weights, 1), b);
            }
        }
        Store(sums, 0, a, b);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Load(float* p, int vector) => Vector512.Load(p + vector * Lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* sums, int row, Vector512<float> a, Vector512<float> b)
    {
        Vector512.Store(a, sums + row * 2 * Lanes);
        Vector512.Store(b, sums + (row * 2 + 1) * Lanes);
    }
}
