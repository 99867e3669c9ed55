using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Kernels;

/// <summary>
/// y = W x + b for a few vectors x: a product that only waits for memory. Every weight is read once for all vectors, in a
/// fixed order, so that a vector gives the same bits alone or with others, on any number of threads.
/// </summary>
public static unsafe class MatVec
{
    /// <summary>Vectors per call; with more, libtorch's matrix product is the better one.</summary>
    public const int MaxVectors = 16;

    private const int Lanes = 16;

    /// <summary>Whether <see cref="Run"/> takes these tensors: float32 on the CPU, at most <see cref="MaxVectors"/>, no gradient.</summary>
    public static bool Takes(Tensor x, Tensor weight_OI)
        => VectorMath.HasFused && x.dtype == ScalarType.Float32 && weight_OI.dtype == ScalarType.Float32 && x.device_type == DeviceType.CPU
            && weight_OI.device_type == DeviceType.CPU && x.numel() <= MaxVectors * x.shape[^1] && x.numel() > 0 && weight_OI.is_contiguous() && !is_grad_enabled();

    /// <param name="x">[..., I], at most <see cref="MaxVectors"/> vectors.</param>
    /// <param name="weight_OI">[O, I], dense.</param>
    /// <param name="bias_O">[O] or null.</param>
    /// <returns>[..., O].</returns>
    public static Tensor Run(Tensor x, Tensor weight_OI, Tensor? bias_O)
    {
        using var scope = NewDisposeScope();
        var dense = x.contiguous();
        var (outputs, inputs) = (weight_OI.shape[0], weight_OI.shape[1]);
        var y = empty([.. x.shape[..^1], outputs], ScalarType.Float32);
        nint from = (nint)ChannelPattern.Pointer(dense), to = (nint)ChannelPattern.Pointer(y), weights = (nint)ChannelPattern.Pointer(weight_OI);
        nint bias = bias_O is null ? 0 : (nint)ChannelPattern.Pointer(bias_O);
        var vectors = (int)(dense.numel() / inputs);
        RowBlocks.Run(outputs, inputs * vectors, (first, last) =>
            Multiply((float*)weights, (float*)from, (float*)to, (float*)bias, first, last, inputs, outputs, vectors));
        GC.KeepAlive(weight_OI);
        GC.KeepAlive(bias_O);
        return y.MoveToOuterDisposeScope();
    }

    /// <summary>Some rows of the product, without allocating. Four rows at a time are read once for all vectors.</summary>
    /// <param name="weights">[outputs, inputs].</param>
    /// <param name="x">[vectors, inputs].</param>
    /// <param name="y">[vectors, stride].</param>
    /// <param name="bias">[outputs] or null.</param>
    /// <param name="first">First row.</param>
    /// <param name="last">Row after the last.</param>
    /// <param name="inputs">I.</param>
    /// <param name="stride">Floats from a vector's result to the next.</param>
    /// <param name="vectors">Any number.</param>
    public static void Multiply(float* weights, float* x, float* y, float* bias, long first, long last, long inputs, long stride, int vectors)
    {
        var row = first;
        for (; row + 4 <= last; row += 4)
        {
            var v = 0;
            for (; VectorMath.HasWide && v + 4 <= vectors; v += 4) // sixteen sums are more than fit other registers
                FourByFour(weights + row * inputs, x + v * inputs, y + v * stride + row, inputs, stride, v + 8 > vectors && row + 8 <= last ? 4 * inputs : 0);
            for (; v < vectors; v++)
                Four(weights + row * inputs, x + v * inputs, y + v * stride + row, inputs);
        }
        for (; row < last; row++)
            for (var v = 0; v < vectors; v++)
                y[v * stride + row] = One(weights + row * inputs, x + v * inputs, inputs);
        if (bias != null)
            for (var v = 0; v < vectors; v++)
                for (row = first; row < last; row++)
                    y[v * stride + row] += bias[row];
    }

    private static float One(float* a, float* x, long inputs)
    {
        Vector512<float> sum = default;
        long i = 0;
        for (; i + Lanes <= inputs; i += Lanes)
            sum = Vector512.FusedMultiplyAdd(Vector512.Load(a + i), Vector512.Load(x + i), sum);
        var total = LaneSum.One(sum);
        for (; i < inputs; i++)
            total += a[i] * x[i];
        return total;
    }

    // Four streams of memory, and the vector is loaded once for all.
    private static void Four(float* a, float* x, float* y, long inputs)
    {
        float* b = a + inputs, c = b + inputs, d = c + inputs;
        Vector512<float> sa = default, sb = default, sc = default, sd = default;
        long i = 0;
        for (; i + Lanes <= inputs; i += Lanes)
        {
            var v = Vector512.Load(x + i);
            sa = Vector512.FusedMultiplyAdd(Vector512.Load(a + i), v, sa);
            sb = Vector512.FusedMultiplyAdd(Vector512.Load(b + i), v, sb);
            sc = Vector512.FusedMultiplyAdd(Vector512.Load(c + i), v, sc);
            sd = Vector512.FusedMultiplyAdd(Vector512.Load(d + i), v, sd);
        }
        Put(y, sa, sb, sc, sd, a, x, i, inputs);
    }

    // Sixteen sums in registers; each adds in the order of a vector alone. While the last vectors are computed, the weights "ahead" of
    // these come from memory.
    private static void FourByFour(float* a, float* x, float* y, long inputs, long outputs, long ahead)
    {
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
        Vector512<float> c0 = default, c1 = default, c2 = default, c3 = default, d0 = default, d1 = default, d2 = default, d3 = default;
        float* b = a + inputs, c = b + inputs, d = c + inputs, x1 = x + inputs, x2 = x1 + inputs, x3 = x2 + inputs;
        long i = 0;
        for (; i + Lanes <= inputs; i += Lanes)
        {
            if (ahead > 0 && Sse.IsSupported)
            {
                Sse.Prefetch0(a + ahead + i);
                Sse.Prefetch0(b + ahead + i);
                Sse.Prefetch0(c + ahead + i);
                Sse.Prefetch0(d + ahead + i);
            }
            Vector512<float> v0 = Vector512.Load(x + i), v1 = Vector512.Load(x1 + i), v2 = Vector512.Load(x2 + i), v3 = Vector512.Load(x3 + i);
            var w = Vector512.Load(a + i);
            (a0, a1, a2, a3) = (Vector512.FusedMultiplyAdd(w, v0, a0), Vector512.FusedMultiplyAdd(w, v1, a1), Vector512.FusedMultiplyAdd(w, v2, a2), Vector512.FusedMultiplyAdd(w, v3, a3));
            w = Vector512.Load(b + i);
            (b0, b1, b2, b3) = (Vector512.FusedMultiplyAdd(w, v0, b0), Vector512.FusedMultiplyAdd(w, v1, b1), Vector512.FusedMultiplyAdd(w, v2, b2), Vector512.FusedMultiplyAdd(w, v3, b3));
            w = Vector512.Load(c + i);
            (c0, c1, c2, c3) = (Vector512.FusedMultiplyAdd(w, v0, c0), Vector512.FusedMultiplyAdd(w, v1, c1), Vector512.FusedMultiplyAdd(w, v2, c2), Vector512.FusedMultiplyAdd(w, v3, c3));
            w = Vector512.Load(d + i);
            (d0, d1, d2, d3) = (Vector512.FusedMultiplyAdd(w, v0, d0), Vector512.FusedMultiplyAdd(w, v1, d1), Vector512.FusedMultiplyAdd(w, v2, d2), Vector512.FusedMultiplyAdd(w, v3, d3));
        }
        Put(y, a0, b0, c0, d0, a, x, i, inputs);
        Put(y + outputs, a1, b1, c1, d1, a, x1, i, inputs);
        Put(y + 2 * outputs, a2, b2, c2, d2, a, x2, i, inputs);
        Put(y + 3 * outputs, a3, b3, c3, d3, a, x3, i, inputs);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(float* y, Vector512<float> sa, Vector512<float> sb, Vector512<float> sc, Vector512<float> sd, float* a, float* x, long i, long inputs)
    {
        Vector128.Store(LaneSum.Four(sa, sb, sc, sd), y);
        for (; i < inputs; i++)
            for (var row = 0; row < 4; row++)
                y[row] += a[row * inputs + i] * x[i];
    }
}
