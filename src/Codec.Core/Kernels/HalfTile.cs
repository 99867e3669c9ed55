using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Codec.Core.Kernels;

/// <summary>
/// The loops of <see cref="RowTile"/>, <see cref="DenseTile"/> and <see cref="DotTile"/> for processors without 512-bit vectors: tiles of 16 columns,
/// whose sums fit 16 registers of 256 bits (or 32 of 128). Every output is the same chain of fused multiply-adds: the same bits.
/// </summary>
internal static unsafe class HalfTile
{
    /// <summary>Columns of a tile.</summary>
    public const int Columns = 16;

    private const int Lanes = 8;

    /// <summary>6 rows by some columns.</summary>
    /// <param name="x">Where the rows are.</param>
    /// <param name="weights">[taps][width].</param>
    /// <param name="width">Columns, a multiple of 16.</param>
    /// <param name="y">Where the sums start from and go to.</param>
    public static void Six(in DenseTile.Source x, float* weights, int width, in DenseTile.Target y)
    {
        for (var column = 0; column < width; column += Columns)
            SixRows(x, weights + column, width, y.From(column));
    }

    /// <summary>8 rows by some columns, four rows at a time.</summary>
    /// <inheritdoc cref="Six"/>
    public static void Eight(in DenseTile.Source x, float* weights, int width, in DenseTile.Target y)
    {
        for (var column = 0; column < width; column += Columns)
        {
            FourRows(x, 0, weights + column, width, y.From(column));
            FourRows(x, 4, weights + column, width, y.From(column));
        }
    }

    /// <summary>6 rows by some columns, input i of all six rows at x + i * step.</summary>
    public static void SixAcross(float* x, nint step, float* weights, int width, int taps, float* bias, float* sums)
    {
        for (var column = 0; column < width; column += Columns)
            SixRowsAcross(x, step, weights + column, width, taps, new DenseTile.Target(bias + column, 0, sums + column, width));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SixRows(in DenseTile.Source x, float* weights, nint step, in DenseTile.Target y)
    {
        Vector256<float> a0 = First(y.Start(0)), a1 = First(y.Start(1)), a2 = First(y.Start(2)), a3 = First(y.Start(3)), a4 = First(y.Start(4)), a5 = First(y.Start(5));
        Vector256<float> b0 = Second(y.Start(0)), b1 = Second(y.Start(1)), b2 = Second(y.Start(2)), b3 = Second(y.Start(3)), b4 = Second(y.Start(4)), b5 = Second(y.Start(5));
        for (var segment = 0; segment < x.Segments; segment++)
        {
            float* p0 = x.Row(segment, 0), p1 = x.Row(segment, 1), p2 = x.Row(segment, 2), p3 = x.Row(segment, 3), p4 = x.Row(segment, 4), p5 = x.Row(segment, 5);
            for (nint i = 0, length = x.Length; i < length; i++, weights += step)
            {
                Vector256<float> w0 = First(weights), w1 = Second(weights), s = Vector256.Create(p0[i]);
                a0 = Vector256.FusedMultiplyAdd(s, w0, a0); b0 = Vector256.FusedMultiplyAdd(s, w1, b0); s = Vector256.Create(p1[i]);
                a1 = Vector256.FusedMultiplyAdd(s, w0, a1); b1 = Vector256.FusedMultiplyAdd(s, w1, b1); s = Vector256.Create(p2[i]);
                a2 = Vector256.FusedMultiplyAdd(s, w0, a2); b2 = Vector256.FusedMultiplyAdd(s, w1, b2); s = Vector256.Create(p3[i]);
                a3 = Vector256.FusedMultiplyAdd(s, w0, a3); b3 = Vector256.FusedMultiplyAdd(s, w1, b3); s = Vector256.Create(p4[i]);
                a4 = Vector256.FusedMultiplyAdd(s, w0, a4); b4 = Vector256.FusedMultiplyAdd(s, w1, b4); s = Vector256.Create(p5[i]);
                a5 = Vector256.FusedMultiplyAdd(s, w0, a5); b5 = Vector256.FusedMultiplyAdd(s, w1, b5);
            }
        }
        Store(a0, b0, y.Sums(0)); Store(a1, b1, y.Sums(1)); Store(a2, b2, y.Sums(2)); Store(a3, b3, y.Sums(3)); Store(a4, b4, y.Sums(4)); Store(a5, b5, y.Sums(5));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FourRows(in DenseTile.Source x, int row, float* weights, nint step, in DenseTile.Target y)
    {
        Vector256<float> a0 = First(y.Start(row)), a1 = First(y.Start(row + 1)), a2 = First(y.Start(row + 2)), a3 = First(y.Start(row + 3));
        Vector256<float> b0 = Second(y.Start(row)), b1 = Second(y.Start(row + 1)), b2 = Second(y.Start(row + 2)), b3 = Second(y.Start(row + 3));
        for (var segment = 0; segment < x.Segments; segment++)
        {
            float* p0 = x.Row(segment, row), p1 = x.Row(segment, row + 1), p2 = x.Row(segment, row + 2), p3 = x.Row(segment, row + 3);
            for (nint i = 0, length = x.Length; i < length; i++, weights += step)
            {
                Vector256<float> w0 = First(weights), w1 = Second(weights), s = Vector256.Create(p0[i]);
                a0 = Vector256.FusedMultiplyAdd(s, w0, a0); b0 = Vector256.FusedMultiplyAdd(s, w1, b0); s = Vector256.Create(p1[i]);
                a1 = Vector256.FusedMultiplyAdd(s, w0, a1); b1 = Vector256.FusedMultiplyAdd(s, w1, b1); s = Vector256.Create(p2[i]);
                a2 = Vector256.FusedMultiplyAdd(s, w0, a2); b2 = Vector256.FusedMultiplyAdd(s, w1, b2); s = Vector256.Create(p3[i]);
                a3 = Vector256.FusedMultiplyAdd(s, w0, a3); b3 = Vector256.FusedMultiplyAdd(s, w1, b3);
            }
        }
        Store(a0, b0, y.Sums(row)); Store(a1, b1, y.Sums(row + 1)); Store(a2, b2, y.Sums(row + 2)); Store(a3, b3, y.Sums(row + 3));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SixRowsAcross(float* x, nint xStep, float* weights, nint step, int taps, in DenseTile.Target y)
    {
        Vector256<float> a0 = First(y.Start(0)), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0;
        Vector256<float> b0 = Second(y.Start(0)), b1 = b0, b2 = b0, b3 = b0, b4 = b0, b5 = b0;
        for (var i = 0; i < taps; i++, weights += step, x += xStep)
        {
            Vector256<float> w0 = First(weights), w1 = Second(weights), s = Vector256.Create(x[0]);
            a0 = Vector256.FusedMultiplyAdd(s, w0, a0); b0 = Vector256.FusedMultiplyAdd(s, w1, b0); s = Vector256.Create(x[1]);
            a1 = Vector256.FusedMultiplyAdd(s, w0, a1); b1 = Vector256.FusedMultiplyAdd(s, w1, b1); s = Vector256.Create(x[2]);
            a2 = Vector256.FusedMultiplyAdd(s, w0, a2); b2 = Vector256.FusedMultiplyAdd(s, w1, b2); s = Vector256.Create(x[3]);
            a3 = Vector256.FusedMultiplyAdd(s, w0, a3); b3 = Vector256.FusedMultiplyAdd(s, w1, b3); s = Vector256.Create(x[4]);
            a4 = Vector256.FusedMultiplyAdd(s, w0, a4); b4 = Vector256.FusedMultiplyAdd(s, w1, b4); s = Vector256.Create(x[5]);
            a5 = Vector256.FusedMultiplyAdd(s, w0, a5); b5 = Vector256.FusedMultiplyAdd(s, w1, b5);
        }
        Store(a0, b0, y.Sums(0)); Store(a1, b1, y.Sums(1)); Store(a2, b2, y.Sums(2)); Store(a3, b3, y.Sums(3)); Store(a4, b4, y.Sums(4)); Store(a5, b5, y.Sums(5));
    }

    /// <summary>Scalar products of 3 rows with 2 rows of weights, unsummed: 16 lanes for every pair.</summary>
    /// <param name="x">First of the rows.</param>
    /// <param name="xStep">Floats from one to the next.</param>
    /// <param name="w">First row of weights.</param>
    /// <param name="v">Second row of weights.</param>
    /// <param name="length">A multiple of 16.</param>
    /// <param name="lanes">[3][2][16], the result.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Dots(float* x, nint xStep, float* w, float* v, nint length, float* lanes)
    {
        Vector256<float> a0 = Vector256<float>.Zero, a1 = a0, a2 = a0, b0 = a0, b1 = a0, b2 = a0; // lanes below 8
        Vector256<float> c0 = a0, c1 = a0, c2 = a0, d0 = a0, d1 = a0, d2 = a0;                    // and above
        float* y = x + xStep, z = y + xStep;
        for (nint i = 0; i < length; i += Columns)
        {
            Vector256<float> p = First(w + i), q = First(v + i), s = First(x + i);
            a0 = Vector256.FusedMultiplyAdd(s, p, a0); b0 = Vector256.FusedMultiplyAdd(s, q, b0); s = First(y + i);
            a1 = Vector256.FusedMultiplyAdd(s, p, a1); b1 = Vector256.FusedMultiplyAdd(s, q, b1); s = First(z + i);
            a2 = Vector256.FusedMultiplyAdd(s, p, a2); b2 = Vector256.FusedMultiplyAdd(s, q, b2);
            (p, q, s) = (Second(w + i), Second(v + i), Second(x + i));
            c0 = Vector256.FusedMultiplyAdd(s, p, c0); d0 = Vector256.FusedMultiplyAdd(s, q, d0); s = Second(y + i);
            c1 = Vector256.FusedMultiplyAdd(s, p, c1); d1 = Vector256.FusedMultiplyAdd(s, q, d1); s = Second(z + i);
            c2 = Vector256.FusedMultiplyAdd(s, p, c2); d2 = Vector256.FusedMultiplyAdd(s, q, d2);
        }
        Store(a0, c0, lanes); Store(b0, d0, lanes + 16); Store(a1, c1, lanes + 32); Store(b1, d1, lanes + 48); Store(a2, c2, lanes + 64); Store(b2, d2, lanes + 80);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> First(float* p) => Vector256.Load(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Second(float* p) => Vector256.Load(p + Lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector256<float> first, Vector256<float> second, float* to)
    {
        Vector256.Store(first, to);
        Vector256.Store(second, to + Lanes);
    }
}
