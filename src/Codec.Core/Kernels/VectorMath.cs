using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Codec.Core.Kernels;

/// <summary>Elementary functions on 16 float32 lanes; the same bits on every machine with fused multiply-add.</summary>
internal static class VectorMath
{
    /// <summary>512-bit vectors exist. The runtime does not call them accelerated on processors that lower their clock for them; here they pay there too.</summary>
    public static bool HasWide => Vector512.IsHardwareAccelerated || Avx512F.IsSupported;

    /// <summary>Vectors of at least 256 bits with fused multiply-adds exist: what our kernels need to be faster than libtorch's.</summary>
    public static bool HasFused => HasWide || (Avx2.IsSupported && Fma.IsSupported);

    private const float Log2E = 1.44269504f;
    // ln 2 in two parts: the first has 12 bits, so that its multiples are exact.
    private const float Ln2High = 0.693359375f, Ln2Low = -2.12194440e-4f;

    /// <summary>e^x for x in [-87, 88], relative error below 2e-7 (polynomial of Cephes expf).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        var n = Vector512.Round(x * Vector512.Create(Log2E));
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-Ln2High), x);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-Ln2Low), r);
        var p = Vector512.FusedMultiplyAdd(Vector512.Create(1.9875691500e-4f), r, Vector512.Create(1.3981999507e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(8.3334519073e-3f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(4.1665795894e-2f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.6666665459e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(5.0000001201e-1f));
        p = Vector512.FusedMultiplyAdd(p, r * r, r) + Vector512<float>.One;
        var power = Vector512.ShiftLeft(Vector512.ConvertToInt32Native(n) + Vector512.Create(127), 23).AsSingle();
        return p * power;
    }

    /// <summary>x where x is positive, e^x - 1 elsewhere.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Elu(Vector512<float> x)
    {
        var below = Exp(Vector512.Max(Vector512.Min(x, Vector512<float>.Zero), Vector512.Create(-87f))) - Vector512<float>.One;
        return Vector512.ConditionalSelect(Vector512.GreaterThan(x, Vector512<float>.Zero), x, below);
    }

    /// <summary>1 / (1 + e^-x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Sigmoid(Vector512<float> x)
        => Vector512<float>.One / (Vector512<float>.One + Exp(Vector512.Max(Vector512.Min(-x, Vector512.Create(87f)), Vector512.Create(-87f))));

    /// <summary>Hyperbolic tangent, absolute error below 3e-7.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Tanh(Vector512<float> x)
        => Vector512.FusedMultiplyAdd(Vector512.Create(2f), Sigmoid(x + x), Vector512.Create(-1f));

    /// <summary>Natural logarithm of normal positive x, relative error below 2e-7 (polynomial of Cephes logf).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Log(Vector512<float> x)
    {
        // x = 2^n m with m in [sqrt(1/2), sqrt(2)).
        var bits = x.AsInt32();
        var n = Vector512.ShiftRightArithmetic(bits - Vector512.Create(0x3f3504f3), 23);
        var r = (bits - Vector512.ShiftLeft(n, 23)).AsSingle() - Vector512<float>.One;
        var p = Vector512.FusedMultiplyAdd(Vector512.Create(7.0376836292e-2f), r, Vector512.Create(-1.1514610310e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.1676998740e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(-1.2420140846e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1.4249322787e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(-1.6668057665e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(2.0000714765e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(-2.4999993993e-1f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(3.3333331174e-1f));
        var (square, exponent) = (r * r, Vector512.ConvertToSingle(n));
        var y = Vector512.FusedMultiplyAdd(exponent, Vector512.Create(Ln2Low), p * square * r);
        y = Vector512.FusedMultiplyAdd(Vector512.Create(-0.5f), square, y);
        return Vector512.FusedMultiplyAdd(exponent, Vector512.Create(Ln2High), r + y);
    }

    /// <summary>Sine and cosine of |x| below 1e5, absolute error below 2e-7 (polynomials of Cephes sinf and cosf).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Vector512<float> Sin, Vector512<float> Cos) SinCos(Vector512<float> x)
    {
        // Pi / 2 in two floats; the fused products are exact.
        var n = Vector512.Round(x * Vector512.Create(0.63661977f));
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-1.57079637f), x);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(4.37113883e-8f), r);
        var square = r * r;
        var s = Vector512.FusedMultiplyAdd(Vector512.Create(-1.9515295891e-4f), square, Vector512.Create(8.3321608736e-3f));
        s = Vector512.FusedMultiplyAdd(s, square, Vector512.Create(-1.6666654611e-1f));
        s = Vector512.FusedMultiplyAdd(s * square, r, r);
        var c = Vector512.FusedMultiplyAdd(Vector512.Create(2.443315711809948e-5f), square, Vector512.Create(-1.388731625493765e-3f));
        c = Vector512.FusedMultiplyAdd(c, square, Vector512.Create(4.166664568298827e-2f));
        c = Vector512.FusedMultiplyAdd(c * square, square, Vector512.FusedMultiplyAdd(Vector512.Create(-0.5f), square, Vector512<float>.One));
        var quadrant = Vector512.ConvertToInt32Native(n);
        var swap = Vector512.Equals(quadrant & Vector512<int>.One, Vector512<int>.One).AsSingle();
        var (sine, cosine) = (Vector512.ConditionalSelect(swap, c, s), Vector512.ConditionalSelect(swap, s, c));
        var sineSign = Vector512.ShiftLeft(quadrant & Vector512.Create(2), 30);
        var cosineSign = Vector512.ShiftLeft((quadrant + Vector512<int>.One) & Vector512.Create(2), 30);
        return ((sine.AsInt32() ^ sineSign).AsSingle(), (cosine.AsInt32() ^ cosineSign).AsSingle());
    }

    /// <summary>x times the normal distribution function of x, error below 2e-7 (1 + |x|): GELU (Hendrycks and Gimpel 2016) in its exact form.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Gelu(Vector512<float> x)
    {
        // erf(z) as z P(z^2) / Q(z^2); it is one in single precision from four on.
        var z = Vector512.Max(Vector512.Min(x * Vector512.Create(0.70710678f), Vector512.Create(4f)), Vector512.Create(-4f));
        var square = z * z;
        var p = Vector512.FusedMultiplyAdd(Vector512.Create(-2.72614225801306e-10f), square, Vector512.Create(2.77068142495902e-08f));
        p = Vector512.FusedMultiplyAdd(p, square, Vector512.Create(-2.10102402082508e-06f));
        p = Vector512.FusedMultiplyAdd(p, square, Vector512.Create(-5.69250639462346e-05f));
        p = Vector512.FusedMultiplyAdd(p, square, Vector512.Create(-7.34990630326855e-04f));
        p = Vector512.FusedMultiplyAdd(p, square, Vector512.Create(-2.95459980854025e-03f));
        p = Vector512.FusedMultiplyAdd(p, square, Vector512.Create(-1.60960333262415e-02f));
        var q = Vector512.FusedMultiplyAdd(Vector512.Create(-1.45660718464996e-05f), square, Vector512.Create(-2.13374055278905e-04f));
        q = Vector512.FusedMultiplyAdd(q, square, Vector512.Create(-1.68282697438203e-03f));
        q = Vector512.FusedMultiplyAdd(q, square, Vector512.Create(-7.37332916720468e-03f));
        q = Vector512.FusedMultiplyAdd(q, square, Vector512.Create(-1.42647390514189e-02f));
        var half = x * Vector512.Create(0.5f);
        return Vector512.FusedMultiplyAdd(half, z * p / q, half);
    }
}
