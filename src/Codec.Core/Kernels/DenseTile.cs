using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Codec.Core.Kernels;

/// <summary>
/// The innermost loops of <see cref="DenseConv"/>: a few output rows by one, two or four vectors of output channels, held in
/// registers while the taps run past. Every output is one chain of fused multiply-adds in the order of the taps.
/// </summary>
internal static unsafe class DenseTile
{
    public const int Lanes = 16, WideColumns = 4 * Lanes, WideRows = 6, Rows = 8;

    /// <summary>Where a tile reads: row r starts at first + r step; rows beyond the last repeat it. Taps are segments of consecutive floats.</summary>
    internal readonly struct Source(float* first, long step, int rows, int segments, int length, long segmentStep)
    {
        public readonly int Segments = segments, Length = length;

        public float* Row(int segment, int row) => first + segment * segmentStep + Math.Min(row, rows - 1) * step;
    }

    /// <summary>Where the sums of a tile start from and where they go: row r of either at r times its step. They may be the same.</summary>
    internal readonly struct Target(float* start, nint startStep, float* sums, nint step)
    {
        public float* Start(int row) => start + row * startStep;

        public float* Sums(int row) => sums + row * step;

        /// <summary>Bytes from a row that sums start from to the next.</summary>
        public nint StartBytes => startStep * sizeof(float);

        /// <summary>Bytes from a row of sums to the next.</summary>
        public nint Bytes => step * sizeof(float);

        /// <summary>The same from another column on.</summary>
        public Target From(int column) => new(start + column, startStep, sums + column, step);
    }

    /// <summary>6 rows by 64 output channels. weights: [taps][64].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Wide(in Source x, float* weights, in Target y)
    {
        if (!VectorMath.HasWide)
        {
            HalfTile.Six(x, weights, WideColumns, y);
            return;
        }
        Vector512<float> a0 = Load(y.Start(0), 0), b0 = Load(y.Start(0), 1), c0 = Load(y.Start(0), 2), d0 = Load(y.Start(0), 3);
        Vector512<float> a1 = Load(y.Start(1), 0), b1 = Load(y.Start(1), 1), c1 = Load(y.Start(1), 2), d1 = Load(y.Start(1), 3);
        Vector512<float> a2 = Load(y.Start(2), 0), b2 = Load(y.Start(2), 1), c2 = Load(y.Start(2), 2), d2 = Load(y.Start(2), 3);
        Vector512<float> a3 = Load(y.Start(3), 0), b3 = Load(y.Start(3), 1), c3 = Load(y.Start(3), 2), d3 = Load(y.Start(3), 3);
        Vector512<float> a4 = Load(y.Start(4), 0), b4 = Load(y.Start(4), 1), c4 = Load(y.Start(4), 2), d4 = Load(y.Start(4), 3);
        Vector512<float> a5 = Load(y.Start(5), 0), b5 = Load(y.Start(5), 1), c5 = Load(y.Start(5), 2), d5 = Load(y.Start(5), 3);
        for (var segment = 0; segment < x.Segments; segment++)
        {
            float* p0 = x.Row(segment, 0), p1 = x.Row(segment, 1), p2 = x.Row(segment, 2), p3 = x.Row(segment, 3);
            float* p4 = x.Row(segment, 4), p5 = x.Row(segment, 5);
            for (nint i = 0; i < x.Length; i++, weights += 4 * Lanes)
            {
                Vector512<float> w0 = Load(weights, 0), w1 = Load(weights, 1), w2 = Load(weights, 2), w3 = Load(weights, 3), s = Vector512.Create(p0[i]);
                a0 = Vector512.FusedMultiplyAdd(s, w0, a0); b0 = Vector512.FusedMultiplyAdd(s, w1, b0); c0 = Vector512.FusedMultiplyAdd(s, w2, c0); d0 = Vector512.FusedMultiplyAdd(s, w3, d0); s = Vector512.Create(p1[i]);
                a1 = Vector512.FusedMultiplyAdd(s, w0, a1); b1 = Vector512.FusedMultiplyAdd(s, w1, b1); c1 = Vector512.FusedMultiplyAdd(s, w2, c1); d1 = Vector512.FusedMultiplyAdd(s, w3, d1); s = Vector512.Create(p2[i]);
                a2 = Vector512.FusedMultiplyAdd(s, w0, a2); b2 = Vector512.FusedMultiplyAdd(s, w1, b2); c2 = Vector512.FusedMultiplyAdd(s, w2, c2); d2 = Vector512.FusedMultiplyAdd(s, w3, d2); s = Vector512.Create(p3[i]);
                a3 = Vector512.FusedMultiplyAdd(s, w0, a3); b3 = Vector512.FusedMultiplyAdd(s, w1, b3); c3 = Vector512.FusedMultiplyAdd(s, w2, c3); d3 = Vector512.FusedMultiplyAdd(s, w3, d3); s = Vector512.Create(p4[i]);
                a4 = Vector512.FusedMultiplyAdd(s, w0, a4); b4 = Vector512.FusedMultiplyAdd(s, w1, b4); c4 = Vector512.FusedMultiplyAdd(s, w2, c4); d4 = Vector512.FusedMultiplyAdd(s, w3, d4); s = Vector512.Create(p5[i]);
                a5 = Vector512.FusedMultiplyAdd(s, w0, a5); b5 = Vector512.FusedMultiplyAdd(s, w1, b5); c5 = Vector512.FusedMultiplyAdd(s, w2, c5); d5 = Vector512.FusedMultiplyAdd(s, w3, d5);
            }
        }
        Store(a0, b0, c0, d0, y.Sums(0));
        Store(a1, b1, c1, d1, y.Sums(1));
        Store(a2, b2, c2, d2, y.Sums(2));
        Store(a3, b3, c3, d3, y.Sums(3));
        Store(a4, b4, c4, d4, y.Sums(4));
        Store(a5, b5, c5, d5, y.Sums(5));
    }

    /// <summary>8 rows by 32 output channels. weights: [taps][32].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Middle(in Source x, float* weights, in Target y)
    {
        if (!VectorMath.HasWide)
        {
            HalfTile.Eight(x, weights, 2 * Lanes, y);
            return;
        }
        Vector512<float> a0 = Load(y.Start(0), 0), b0 = Load(y.Start(0), 1), a1 = Load(y.Start(1), 0), b1 = Load(y.Start(1), 1);
        Vector512<float> a2 = Load(y.Start(2), 0), b2 = Load(y.Start(2), 1), a3 = Load(y.Start(3), 0), b3 = Load(y.Start(3), 1);
        Vector512<float> a4 = Load(y.Start(4), 0), b4 = Load(y.Start(4), 1), a5 = Load(y.Start(5), 0), b5 = Load(y.Start(5), 1);
        Vector512<float> a6 = Load(y.Start(6), 0), b6 = Load(y.Start(6), 1), a7 = Load(y.Start(7), 0), b7 = Load(y.Start(7), 1);
        for (var segment = 0; segment < x.Segments; segment++)
        {
            float* p0 = x.Row(segment, 0), p1 = x.Row(segment, 1), p2 = x.Row(segment, 2), p3 = x.Row(segment, 3);
            float* p4 = x.Row(segment, 4), p5 = x.Row(segment, 5), p6 = x.Row(segment, 6), p7 = x.Row(segment, 7);
            for (nint i = 0; i < x.Length; i++, weights += 2 * Lanes)
            {
                Vector512<float> w0 = Load(weights, 0), w1 = Load(weights, 1), s = Vector512.Create(p0[i]);
                a0 = Vector512.FusedMultiplyAdd(s, w0, a0); b0 = Vector512.FusedMultiplyAdd(s, w1, b0); s = Vector512.Create(p1[i]);
                a1 = Vector512.FusedMultiplyAdd(s, w0, a1); b1 = Vector512.FusedMultiplyAdd(s, w1, b1); s = Vector512.Create(p2[i]);
                a2 = Vector512.FusedMultiplyAdd(s, w0, a2); b2 = Vector512.FusedMultiplyAdd(s, w1, b2); s = Vector512.Create(p3[i]);
                a3 = Vector512.FusedMultiplyAdd(s, w0, a3); b3 = Vector512.FusedMultiplyAdd(s, w1, b3); s = Vector512.Create(p4[i]);
                a4 = Vector512.FusedMultiplyAdd(s, w0, a4); b4 = Vector512.FusedMultiplyAdd(s, w1, b4); s = Vector512.Create(p5[i]);
                a5 = Vector512.FusedMultiplyAdd(s, w0, a5); b5 = Vector512.FusedMultiplyAdd(s, w1, b5); s = Vector512.Create(p6[i]);
                a6 = Vector512.FusedMultiplyAdd(s, w0, a6); b6 = Vector512.FusedMultiplyAdd(s, w1, b6); s = Vector512.Create(p7[i]);
                a7 = Vector512.FusedMultiplyAdd(s, w0, a7); b7 = Vector512.FusedMultiplyAdd(s, w1, b7);
            }
        }
        Store(a0, b0, y.Sums(0)); Store(a1, b1, y.Sums(1));
        Store(a2, b2, y.Sums(2)); Store(a3, b3, y.Sums(3));
        Store(a4, b4, y.Sums(4)); Store(a5, b5, y.Sums(5));
        Store(a6, b6, y.Sums(6)); Store(a7, b7, y.Sums(7));
    }

    /// <summary>8 rows by 16 output channels. weights: [taps][16].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Narrow(in Source x, float* weights, in Target y)
    {
        if (!VectorMath.HasWide)
        {
            HalfTile.Eight(x, weights, Lanes, y);
            return;
        }
        Vector512<float> a0 = Load(y.Start(0), 0), a1 = Load(y.Start(1), 0);
        Vector512<float> a2 = Load(y.Start(2), 0), a3 = Load(y.Start(3), 0);
        Vector512<float> a4 = Load(y.Start(4), 0), a5 = Load(y.Start(5), 0);
        Vector512<float> a6 = Load(y.Start(6), 0), a7 = Load(y.Start(7), 0);
        for (var segment = 0; segment < x.Segments; segment++)
        {
            float* p0 = x.Row(segment, 0), p1 = x.Row(segment, 1), p2 = x.Row(segment, 2), p3 = x.Row(segment, 3);
            float* p4 = x.Row(segment, 4), p5 = x.Row(segment, 5), p6 = x.Row(segment, 6), p7 = x.Row(segment, 7);
            for (nint i = 0; i < x.Length; i++, weights += 1 * Lanes)
            {
                Vector512<float> w0 = Load(weights, 0), s = Vector512.Create(p0[i]);
                a0 = Vector512.FusedMultiplyAdd(s, w0, a0); s = Vector512.Create(p1[i]);
                a1 = Vector512.FusedMultiplyAdd(s, w0, a1); s = Vector512.Create(p2[i]);
                a2 = Vector512.FusedMultiplyAdd(s, w0, a2); s = Vector512.Create(p3[i]);
                a3 = Vector512.FusedMultiplyAdd(s, w0, a3); s = Vector512.Create(p4[i]);
                a4 = Vector512.FusedMultiplyAdd(s, w0, a4); s = Vector512.Create(p5[i]);
                a5 = Vector512.FusedMultiplyAdd(s, w0, a5); s = Vector512.Create(p6[i]);
                a6 = Vector512.FusedMultiplyAdd(s, w0, a6); s = Vector512.Create(p7[i]);
                a7 = Vector512.FusedMultiplyAdd(s, w0, a7);
            }
        }
        Store(a0, y.Sums(0)); Store(a1, y.Sums(1));
        Store(a2, y.Sums(2)); Store(a3, y.Sums(3));
        Store(a4, y.Sums(4)); Store(a5, y.Sums(5));
        Store(a6, y.Sums(6)); Store(a7, y.Sums(7));
    }

    /// <summary>One row, 64 output channels: bound by reading the weights. The same chains as <see cref="Wide"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Single(in Source x, float* weights, in Target y)
    {
        Vector512<float> a0 = Load(y.Start(0), 0), b0 = Load(y.Start(0), 1), c0 = Load(y.Start(0), 2), d0 = Load(y.Start(0), 3);
        for (var segment = 0; segment < x.Segments; segment++)
        {
            float* p0 = x.Row(segment, 0);
            for (nint i = 0; i < x.Length; i++, weights += 4 * Lanes)
            {
                Vector512<float> w0 = Load(weights, 0), w1 = Load(weights, 1), w2 = Load(weights, 2), w3 = Load(weights, 3), s = Vector512.Create(p0[i]);
                a0 = Vector512.FusedMultiplyAdd(s, w0, a0); b0 = Vector512.FusedMultiplyAdd(s, w1, b0); c0 = Vector512.FusedMultiplyAdd(s, w2, c0); d0 = Vector512.FusedMultiplyAdd(s, w3, d0);
            }
        }
        Store(a0, b0, c0, d0, y.Sums(0));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Load(float* p, int vector) => Vector512.Load(p + vector * Lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector512<float> a, float* to) => Vector512.Store(a, to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector512<float> a, Vector512<float> b, float* to)
    {
        Vector512.Store(a, to);
        Vector512.Store(b, to + Lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d, float* to)
    {
        Store(a, b, to);
        Store(c, d, to + 2 * Lanes);
    }
}
