using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Codec.Core.Kernels;

/// <summary>
/// The innermost loops of <see cref="RowLinear"/>. Every output is one chain of fused multiply-adds that starts at the bias and
/// takes the inputs in order, whatever the shape of the tile: a row has the same bits alone and among others.
/// </summary>
internal static unsafe class RowTile
{
    public const int Lanes = 16, Rows = 6, Wide = 4 * Lanes;

    // Weights on their way to a single row: the processor's own prefetching stops at every page and is behind otherwise.
    private const int AheadBytes = 4096;

    /// <summary>6 rows by 64 columns.</summary>
    /// <param name="x">First input row.</param>
    /// <param name="step">Floats from one input row to the next.</param>
    /// <param name="rows">Rows that are there; the last stands for those that are not.</param>
    /// <param name="weights">[taps][64].</param>
    /// <param name="taps">Inputs of a row.</param>
    /// <param name="bias">[64].</param>
    /// <param name="sums">[6][64], the result.</param>
    /// <param name="ahead">What will be read next and is brought near meanwhile; any address.</param>
    /// <param name="pace">Bytes of it for every tap.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Six(float* x, nint step, int rows, float* weights, int taps, float* bias, float* sums, byte* ahead = null, nint pace = 0)
    {
        if (!VectorMath.HasWide)
        {
            HalfTile.Six(new DenseTile.Source(x, step, rows, 1, taps, 0), weights, Wide, new DenseTile.Target(bias, 0, sums, Wide));
            return;
        }
        float* p0 = x, p1 = x + Math.Min(1, rows - 1) * step, p2 = x + Math.Min(2, rows - 1) * step, p3 = x + Math.Min(3, rows - 1) * step, p4 = x + Math.Min(4, rows - 1) * step, p5 = x + Math.Min(5, rows - 1) * step;
        Vector512<float> a0 = Vector512.Load(bias + 0 * Lanes), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0;
        Vector512<float> b0 = Vector512.Load(bias + 1 * Lanes), b1 = b0, b2 = b0, b3 = b0, b4 = b0, b5 = b0;
        Vector512<float> c0 = Vector512.Load(bias + 2 * Lanes), c1 = c0, c2 = c0, c3 = c0, c4 = c0, c5 = c0;
        Vector512<float> d0 = Vector512.Load(bias + 3 * Lanes), d1 = d0, d2 = d0, d3 = d0, d4 = d0, d5 = d0;
        for (nint i = 0; i < taps; i++, weights += 4 * Lanes, ahead += pace)
        {
            if (Sse.IsSupported)
                Sse.Prefetch1(ahead);
            Vector512<float> w0 = Vector512.Load(weights + 0 * Lanes), w1 = Vector512.Load(weights + 1 * Lanes), w2 = Vector512.Load(weights + 2 * Lanes), w3 = Vector512.Load(weights + 3 * Lanes), s = Vector512.Create(p0[i]);
            a0 = Vector512.FusedMultiplyAdd(s, w0, a0); b0 = Vector512.FusedMultiplyAdd(s, w1, b0); c0 = Vector512.FusedMultiplyAdd(s, w2, c0); d0 = Vector512.FusedMultiplyAdd(s, w3, d0); s = Vector512.Create(p1[i]);
            a1 = Vector512.FusedMultiplyAdd(s, w0, a1); b1 = Vector512.FusedMultiplyAdd(s, w1, b1); c1 = Vector512.FusedMultiplyAdd(s, w2, c1); d1 = Vector512.FusedMultiplyAdd(s, w3, d1); s = Vector512.Create(p2[i]);
            a2 = Vector512.FusedMultiplyAdd(s, w0, a2); b2 = Vector512.FusedMultiplyAdd(s, w1, b2); c2 = Vector512.FusedMultiplyAdd(s, w2, c2); d2 = Vector512.FusedMultiplyAdd(s, w3, d2); s = Vector512.Create(p3[i]);
            a3 = Vector512.FusedMultiplyAdd(s, w0, a3); b3 = Vector512.FusedMultiplyAdd(s, w1, b3); c3 = Vector512.FusedMultiplyAdd(s, w2, c3); d3 = Vector512.FusedMultiplyAdd(s, w3, d3); s = Vector512.Create(p4[i]);
            a4 = Vector512.FusedMultiplyAdd(s, w0, a4); b4 = Vector512.FusedMultiplyAdd(s, w1, b4); c4 = Vector512.FusedMultiplyAdd(s, w2, c4); d4 = Vector512.FusedMultiplyAdd(s, w3, d4); s = Vector512.Create(p5[i]);
            a5 = Vector512.FusedMultiplyAdd(s, w0, a5); b5 = Vector512.FusedMultiplyAdd(s, w1, b5); c5 = Vector512.FusedMultiplyAdd(s, w2, c5); d5 = Vector512.FusedMultiplyAdd(s, w3, d5);
        }
        Store(sums + 0 * 4 * Lanes, a0, b0, c0, d0);
        Store(sums + 1 * 4 * Lanes, a1, b1, c1, d1);
        Store(sums + 2 * 4 * Lanes, a2, b2, c2, d2);
        Store(sums + 3 * 4 * Lanes, a3, b3, c3, d3);
        Store(sums + 4 * 4 * Lanes, a4, b4, c4, d4);
        Store(sums + 5 * 4 * Lanes, a5, b5, c5, d5);
    }

    /// <summary>6 rows by 64 columns whose inputs lie side by side: input i of all six rows at x + i * step.</summary>
    /// <param name="x">Inputs.</param>
    /// <param name="step">Floats from one input to the next.</param>
    /// <param name="weights">[taps][64].</param>
    /// <param name="taps">Inputs of a row.</param>
    /// <param name="bias">[64].</param>
    /// <param name="sums">[6][64], the result.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SixAcross(float* x, nint step, float* weights, int taps, float* bias, float* sums)
    {
        if (!VectorMath.HasWide)
        {
            HalfTile.SixAcross(x, step, weights, Wide, taps, bias, sums);
            return;
        }
        Vector512<float> a0 = Vector512.Load(bias + 0 * Lanes), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0;
        Vector512<float> b0 = Vector512.Load(bias + 1 * Lanes), b1 = b0, b2 = b0, b3 = b0, b4 = b0, b5 = b0;
        Vector512<float> c0 = Vector512.Load(bias + 2 * Lanes), c1 = c0, c2 = c0, c3 = c0, c4 = c0, c5 = c0;
        Vector512<float> d0 = Vector512.Load(bias + 3 * Lanes), d1 = d0, d2 = d0, d3 = d0, d4 = d0, d5 = d0;
        for (nint i = 0; i < taps; i++, weights += 4 * Lanes, x += step)
        {
            Vector512<float> w0 = Vector512.Load(weights + 0 * Lanes), w1 = Vector512.Load(weights + 1 * Lanes), w2 = Vector512.Load(weights + 2 * Lanes), w3 = Vector512.Load(weights + 3 * Lanes), s = Vector512.Create(x[0]);
            a0 = Vector512.FusedMultiplyAdd(s, w0, a0); b0 = Vector512.FusedMultiplyAdd(s, w1, b0); c0 = Vector512.FusedMultiplyAdd(s, w2, c0); d0 = Vector512.FusedMultiplyAdd(s, w3, d0); s = Vector512.Create(x[1]);
            a1 = Vector512.FusedMultiplyAdd(s, w0, a1); b1 = Vector512.FusedMultiplyAdd(s, w1, b1); c1 = Vector512.FusedMultiplyAdd(s, w2, c1); d1 = Vector512.FusedMultiplyAdd(s, w3, d1); s = Vector512.Create(x[2]);
            a2 = Vector512.FusedMultiplyAdd(s, w0, a2); b2 = Vector512.FusedMultiplyAdd(s, w1, b2); c2 = Vector512.FusedMultiplyAdd(s, w2, c2); d2 = Vector512.FusedMultiplyAdd(s, w3, d2); s = Vector512.Create(x[3]);
            a3 = Vector512.FusedMultiplyAdd(s, w0, a3); b3 = Vector512.FusedMultiplyAdd(s, w1, b3); c3 = Vector512.FusedMultiplyAdd(s, w2, c3); d3 = Vector512.FusedMultiplyAdd(s, w3, d3); s = Vector512.Create(x[4]);
            a4 = Vector512.FusedMultiplyAdd(s, w0, a4); b4 = Vector512.FusedMultiplyAdd(s, w1, b4); c4 = Vector512.FusedMultiplyAdd(s, w2, c4); d4 = Vector512.FusedMultiplyAdd(s, w3, d4); s = Vector512.Create(x[5]);
            a5 = Vector512.FusedMultiplyAdd(s, w0, a5); b5 = Vector512.FusedMultiplyAdd(s, w1, b5); c5 = Vector512.FusedMultiplyAdd(s, w2, c5); d5 = Vector512.FusedMultiplyAdd(s, w3, d5);
        }
        Store(sums + 0 * 4 * Lanes, a0, b0, c0, d0);
        Store(sums + 1 * 4 * Lanes, a1, b1, c1, d1);
        Store(sums + 2 * 4 * Lanes, a2, b2, c2, d2);
        Store(sums + 3 * 4 * Lanes, a3, b3, c3, d3);
        Store(sums + 4 * 4 * Lanes, a4, b4, c4, d4);
        Store(sums + 5 * 4 * Lanes, a5, b5, c5, d5);
    }

    /// <summary>6 rows by 16 columns.</summary>
    /// <param name="x">First input row.</param>
    /// <param name="step">Floats from one input row to the next.</param>
    /// <param name="rows">Rows that are there; the last stands for those that are not.</param>
    /// <param name="weights">[taps][16].</param>
    /// <param name="taps">Inputs of a row.</param>
    /// <param name="bias">[16].</param>
    /// <param name="sums">[6][16], the result.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SixNarrow(float* x, nint step, int rows, float* weights, int taps, float* bias, float* sums)
    {
        if (!VectorMath.HasWide)
        {
            HalfTile.Six(new DenseTile.Source(x, step, rows, 1, taps, 0), weights, Lanes, new DenseTile.Target(bias, 0, sums, Lanes));
            return;
        }
        float* p0 = x, p1 = x + Math.Min(1, rows - 1) * step, p2 = x + Math.Min(2, rows - 1) * step, p3 = x + Math.Min(3, rows - 1) * step, p4 = x + Math.Min(4, rows - 1) * step, p5 = x + Math.Min(5, rows - 1) * step;
        Vector512<float> a0 = Vector512.Load(bias + 0 * Lanes), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0;
        for (nint i = 0; i < taps; i++, weights += 1 * Lanes)
        {
            Vector512<float> w0 = Vector512.Load(weights + 0 * Lanes), s = Vector512.Create(p0[i]);
            a0 = Vector512.FusedMultiplyAdd(s, w0, a0); s = Vector512.Create(p1[i]);
            a1 = Vector512.FusedMultiplyAdd(s, w0, a1); s = Vector512.Create(p2[i]);
            a2 = Vector512.FusedMultiplyAdd(s, w0, a2); s = Vector512.Create(p3[i]);
            a3 = Vector512.FusedMultiplyAdd(s, w0, a3); s = Vector512.Create(p4[i]);
            a4 = Vector512.FusedMultiplyAdd(s, w0, a4); s = Vector512.Create(p5[i]);
            a5 = Vector512.FusedMultiplyAdd(s, w0, a5);
        }
        Store(sums + 0 * 1 * Lanes, a0);
        Store(sums + 1 * 1 * Lanes, a1);
        Store(sums + 2 * 1 * Lanes, a2);
        Store(sums + 3 * 1 * Lanes, a3);
        Store(sums + 4 * 1 * Lanes, a4);
        Store(sums + 5 * 1 * Lanes, a5);
    }

    /// <summary>One row by 64 columns: bound by reading the weights.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void One(float* x, float* weights, int taps, float* bias, float* sums)
    {
        Vector512<float> a0 = Vector512.Load(bias), b0 = Vector512.Load(bias + Lanes), c0 = Vector512.Load(bias + 2 * Lanes), d0 = Vector512.Load(bias + 3 * Lanes);
        for (nint i = 0; i < taps; i++, weights += Wide)
        {
            var s = Vector512.Create(x[i]);
            a0 = Vector512.FusedMultiplyAdd(s, Vector512.Load(weights), a0);
            b0 = Vector512.FusedMultiplyAdd(s, Vector512.Load(weights + Lanes), b0);
            c0 = Vector512.FusedMultiplyAdd(s, Vector512.Load(weights + 2 * Lanes), c0);
            d0 = Vector512.FusedMultiplyAdd(s, Vector512.Load(weights + 3 * Lanes), d0);
        }
        Store(sums, a0, b0, c0, d0);
    }

    /// <summary>One row by 64 columns whose weights are 16-bit floats; see <see cref="HalfWeights"/>.</summary>
    /// <param name="x">Scaled by <see cref="HalfWeights.TryScale"/>.</param>
    /// <param name="weights">[taps][2][32].</param>
    /// <param name="taps">Inputs of a row.</param>
    /// <param name="bias">[64].</param>
    /// <param name="sums">[64], the result.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void OneHalf(float* x, ushort* weights, int taps, float* bias, float* sums)
    {
        Vector512<float> a0 = Vector512.Load(bias), b0 = Vector512.Load(bias + Lanes), c0 = Vector512.Load(bias + 2 * Lanes), d0 = Vector512.Load(bias + 3 * Lanes);
        for (nint i = 0; i < taps; i++, weights += Wide)
        {
            Prefetch(weights);
            var s = Vector512.Create(x[i]);
            Vector512<int> low = Vector512.Load((int*)weights), high = Vector512.Load((int*)weights + Lanes);
            a0 = Vector512.FusedMultiplyAdd(s, HalfWeights.First(low), a0);
            b0 = Vector512.FusedMultiplyAdd(s, HalfWeights.Second(low), b0);
            c0 = Vector512.FusedMultiplyAdd(s, HalfWeights.First(high), c0);
            d0 = Vector512.FusedMultiplyAdd(s, HalfWeights.Second(high), d0);
        }
        Store(sums, a0, b0, c0, d0);
    }

    /// <summary>Two rows of it, one behind the other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void TwoHalf(float* x, ushort* weights, int taps, float* bias, float* sums)
    {
        Vector512<float> a0 = Vector512.Load(bias), b0 = Vector512.Load(bias + Lanes), c0 = Vector512.Load(bias + 2 * Lanes), d0 = Vector512.Load(bias + 3 * Lanes);
        Vector512<float> a1 = a0, b1 = b0, c1 = c0, d1 = d0;
        float* y = x + taps;
        for (nint i = 0; i < taps; i++, weights += Wide)
        {
            Prefetch(weights);
            Vector512<int> low = Vector512.Load((int*)weights), high = Vector512.Load((int*)weights + Lanes);
            Vector512<float> s = Vector512.Create(x[i]), t = Vector512.Create(y[i]), w = HalfWeights.First(low);
            a0 = Vector512.FusedMultiplyAdd(s, w, a0); a1 = Vector512.FusedMultiplyAdd(t, w, a1); w = HalfWeights.Second(low);
            b0 = Vector512.FusedMultiplyAdd(s, w, b0); b1 = Vector512.FusedMultiplyAdd(t, w, b1); w = HalfWeights.First(high);
            c0 = Vector512.FusedMultiplyAdd(s, w, c0); c1 = Vector512.FusedMultiplyAdd(t, w, c1); w = HalfWeights.Second(high);
            d0 = Vector512.FusedMultiplyAdd(s, w, d0); d1 = Vector512.FusedMultiplyAdd(t, w, d1);
        }
        Store(sums, a0, b0, c0, d0);
        Store(sums + Wide, a1, b1, c1, d1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prefetch(ushort* weights)
    {
        if (!Sse.IsSupported)
            return;
        Sse.Prefetch0((byte*)weights + AheadBytes);
        Sse.Prefetch0((byte*)weights + AheadBytes + 64);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* to, Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d)
    {
        Vector512.Store(a, to);
        Vector512.Store(b, to + Lanes);
        Vector512.Store(c, to + 2 * Lanes);
        Vector512.Store(d, to + 3 * Lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* to, Vector512<float> a) => Vector512.Store(a, to);
}
