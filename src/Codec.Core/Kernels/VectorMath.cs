using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Codec.Core.Kernels;

/// <summary>Elementary functions on 16 float32 lanes; the same bits on every machine with fused multiply-add.</summary>
internal static class VectorMath
{
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
}
