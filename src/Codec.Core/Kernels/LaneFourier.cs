using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Codec.Core.Kernels;

/// <summary>
/// Discrete Fourier transform of complex float32 numbers, sixteen signals at once, one per vector lane: signals do not
/// mix, so that a spectrum has the same bits in any company. Stockham's self-sorting algorithm with radices 4, 2 and odd
/// primes; any length. Point n of a buffer is 16 real parts, then 16 imaginary parts.
/// </summary>
internal sealed unsafe class LaneFourier
{
    public const int Lanes = 16, Point = 2 * Lanes;

    private readonly int[] _radices;
    private readonly float[] _cos, _sin; // exp(-2 pi i k / N)

    public LaneFourier(int length)
    {
        Length = length;
        _radices = [.. Factors(length)];
        _cos = [.. Enumerable.Range(0, length).Select(k => (float)Math.Cos(2 * Math.PI * k / length))];
        _sin = [.. Enumerable.Range(0, length).Select(k => (float)-Math.Sin(2 * Math.PI * k / length))];
    }

    /// <summary>Points.</summary>
    public int Length { get; }

    /// <summary>X[k] = sum x[n] exp(-2 pi i k n / N).</summary>
    /// <param name="x">[N] points; overwritten.</param>
    /// <param name="other">As many; overwritten.</param>
    /// <returns>Which of the two holds the result.</returns>
    public float* Forward(float* x, float* other)
    {
        var (rest, stride) = (Length, 1);
        foreach (var radix in _radices)
        {
            if (radix == 4)
                Four(x, other, rest, stride);
            else if (radix == 2)
                Two(x, other, rest, stride);
            else
                Odd(x, other, radix, rest, stride);
            (rest, stride) = (rest / radix, stride * radix);
            float* result = other;
            other = x;
            x = result;
        }
        return x;
    }

    private static IEnumerable<int> Factors(int n)
    {
        for (; n % 4 == 0; n /= 4)
            yield return 4;
        for (var p = 2; n > 1; p++)
            for (; n % p == 0; n /= p)
                yield return p;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Two(float* x, float* y, int length, int stride)
    {
        var part = length / 2;
        for (var p = 0; p < part; p++)
        {
            var (c, s) = Twiddle(p * stride);
            for (var q = 0; q < stride; q++)
            {
                float* from = x + (q + stride * p) * Point;
                var (ar, ai) = Load(from);
                var (br, bi) = Load(from + stride * part * Point);
                float* to = y + (q + stride * 2 * p) * Point;
                Store(to, ar + br, ai + bi);
                Turned(to + stride * Point, ar - br, ai - bi, c, s);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Four(float* x, float* y, int length, int stride)
    {
        var part = length / 4;
        var (far, next) = ((long)stride * part * Point, (long)stride * Point);
        for (var p = 0; p < part; p++)
        {
            var (c1, s1) = Twiddle(p * stride);
            var (c2, s2) = Twiddle(2 * p * stride);
            var (c3, s3) = Twiddle(3 * p * stride);
            for (var q = 0; q < stride; q++)
            {
                float* from = x + (q + stride * p) * Point;
                var (ar, ai) = Load(from);
                var (br, bi) = Load(from + far);
                var (cr, ci) = Load(from + 2 * far);
                var (dr, di) = Load(from + 3 * far);
                Vector512<float> er = ar + cr, ei = ai + ci, fr = ar - cr, fi = ai - ci;
                Vector512<float> gr = br + dr, gi = bi + di, hr = br - dr, hi = bi - di;
                float* to = y + (q + stride * 4 * p) * Point;
                Store(to, er + gr, ei + gi);
                Turned(to + next, fr + hi, fi - hr, c1, s1);
                Turned(to + 2 * next, er - gr, ei - gi, c2, s2);
                Turned(to + 3 * next, fr - hi, fi + hr, c3, s3);
            }
        }
    }

    /// <summary>Sums and differences of opposite inputs meet the cosines and sines.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Odd(float* x, float* y, int radix, int length, int stride)
    {
        var (part, half) = (length / radix, radix / 2);
        var far = (long)stride * part * Point;
        for (var p = 0; p < part; p++)
            for (var q = 0; q < stride; q++)
            {
                float* from = x + (q + stride * p) * Point;
                var (zr, zi) = Load(from);
                for (var k = 0; k < radix; k++)
                {
                    var (er, ei, or, oi) = (zr, zi, Vector512<float>.Zero, Vector512<float>.Zero);
                    for (var j = 1; j <= half; j++)
                    {
                        var (c, s) = Twiddle(j * k % radix * (Length / radix));
                        var (ar, ai) = Load(from + j * far);
                        var (br, bi) = Load(from + (radix - j) * far);
                        er = Vector512.FusedMultiplyAdd(c, ar + br, er);
                        ei = Vector512.FusedMultiplyAdd(c, ai + bi, ei);
                        or = Vector512.FusedMultiplyAdd(s, bi - ai, or);
                        oi = Vector512.FusedMultiplyAdd(s, ar - br, oi);
                    }
                    var (tc, ts) = Twiddle(k * p * stride);
                    Turned(y + (q + stride * (radix * p + k)) * (long)Point, er + or, ei + oi, tc, ts);
                }
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private (Vector512<float> Cos, Vector512<float> Sin) Twiddle(int k) => (Vector512.Create(_cos[k]), Vector512.Create(_sin[k]));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<float> Re, Vector512<float> Im) Load(float* from) => (Vector512.Load(from), Vector512.Load(from + Lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* to, Vector512<float> re, Vector512<float> im)
    {
        Vector512.Store(re, to);
        Vector512.Store(im, to + Lanes);
    }

    /// <summary>Stores z exp(-i angle) with the cosine and the negative sine of the angle.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Turned(float* to, Vector512<float> re, Vector512<float> im, Vector512<float> c, Vector512<float> s)
        => Store(to, Vector512.FusedMultiplyAdd(re, c, -(im * s)), Vector512.FusedMultiplyAdd(re, s, im * c));
}
