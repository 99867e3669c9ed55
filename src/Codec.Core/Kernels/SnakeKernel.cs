using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Codec.Core.Kernels;

/// <summary>
/// x + sin(a x)^2 / a in one pass over memory instead of five. sin^2 has period pi, so range reduction needs no
/// quadrants; the polynomial for sin on [-pi/2, pi/2] errs by less than 1e-8, below float32 rounding.
/// </summary>
public static unsafe class SnakeKernel
{
    private const float InversePi = 0.318309886f;
    // pi in two parts: the first has 12 bits, so that its multiples are exact. What is missing, 5e-12, is far below the rounding of the phase.
    private const float Pi1 = 3.140625f, Pi2 = 9.67653585e-4f;
    // sin(r) = r (S0 + S1 r^2 + ...): interpolation at the Chebyshev nodes of r^2 in [0, pi^2/4].
    private const float S0 = 0.999999996f, S1 = -0.166666579f, S2 = 0.00833305017f, S3 = -0.000198090174f, S4 = 2.60510763e-6f;

    /// <param name="x_BCT">float32 on the CPU, any layout.</param>
    /// <param name="alpha">C values.</param>
    /// <returns>A new channels-last tensor.</returns>
    public static Tensor Run(Tensor x_BCT, Tensor alpha)
    {
        using var scope = NewDisposeScope();
        var x_BTC = x_BCT.transpose(1, 2).contiguous();
        var y_BTC = empty_like(x_BTC);
        Apply(x_BTC, y_BTC, alpha);
        return y_BTC.transpose(1, 2).MoveToOuterDisposeScope();
    }

    /// <param name="x_BCT">float32 on the CPU, channels-last; overwritten.</param>
    /// <param name="alpha">C values.</param>
    /// <returns>A new handle to the same memory.</returns>
    public static Tensor RunInPlace(Tensor x_BCT, Tensor alpha)
    {
        using var scope = NewDisposeScope();
        var x_BTC = x_BCT.transpose(1, 2);
        Apply(x_BTC, x_BTC, alpha);
        return x_BCT.alias().MoveToOuterDisposeScope();
    }

    private static void Apply(Tensor x_BTC, Tensor y_BTC, Tensor alpha)
    {
        var pattern = new SnakePattern(alpha);
        var (x, y) = ((nint)ChannelPattern.Pointer(x_BTC), (nint)ChannelPattern.Pointer(y_BTC));
        RowBlocks.Run(x_BTC.numel(), 1, (first, last) => Range((float*)x, (float*)y, first, last, pattern.Alpha, pattern.Inverse));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Range(float* x, float* y, long first, long last, float[] alpha, float[] inverse)
    {
        const int lanes = ChannelPattern.Lanes;
        var period = alpha.Length - lanes;
        var at = (int)(first % period);
        fixed (float* a = alpha, inv = inverse)
        {
            var i = first;
            for (; i + lanes <= last; i += lanes)
            {
                Vector512.Store(Snake(Vector512.Load(x + i), Vector512.Load(a + at), Vector512.Load(inv + at)), y + i);
                at += lanes;
                if (at >= period)
                    at -= period;
            }
            if (i == last)
                return;
            float* tail = stackalloc float[lanes];
            for (var j = i; j < last; j++)
                tail[j - i] = x[j];
            Vector512.Store(Snake(Vector512.Load(tail), Vector512.Load(a + at), Vector512.Load(inv + at)), tail);
            for (var j = i; j < last; j++)
                y[j] = tail[j - i];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Snake(Vector512<float> x, Vector512<float> alpha, Vector512<float> inverse)
    {
        var phase = x * alpha;
        var n = Vector512.Round(phase * Vector512.Create(InversePi));
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-Pi1), phase);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-Pi2), r);
        var u = r * r;
        var p = Vector512.FusedMultiplyAdd(Vector512.Create(S4), u, Vector512.Create(S3));
        p = Vector512.FusedMultiplyAdd(p, u, Vector512.Create(S2));
        p = Vector512.FusedMultiplyAdd(p, u, Vector512.Create(S1));
        p = Vector512.FusedMultiplyAdd(p, u, Vector512.Create(S0));
        var sine = p * r;
        return Vector512.FusedMultiplyAdd(sine * sine, inverse, x);
    }
}
