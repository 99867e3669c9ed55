using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
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
    public const int MaxVectors = 4;

    private const int Lanes = 16;

    /// <summary>Whether <see cref="Run"/> takes these tensors: float32 on the CPU, at most <see cref="MaxVectors"/>, no gradient.</summary>
    public static bool Takes(Tensor x, Tensor weight_OI)
        => Vector512.IsHardwareAccelerated && x.dtype == ScalarType.Float32 && weight_OI.dtype == ScalarType.Float32 && x.device_type == DeviceType.CPU
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
        {
            for (var v = 0; v < vectors; v++)
                Rows((float*)weights, (float*)from + v * inputs, (float*)to + v * outputs, (float*)bias, first, last, inputs);
        });
        GC.KeepAlive(weight_OI);
        GC.KeepAlive(bias_O);
        return y.MoveToOuterDisposeScope();
    }

    // Four rows at a time: four streams of memory, and the vector is loaded once for all.
    private static void Rows(float* weights, float* x, float* y, float* bias, long first, long last, long inputs)
    {
        var row = first;
        for (; row + 4 <= last; row += 4)
        {
            float* a = weights + row * inputs, b = a + inputs, c = b + inputs, d = c + inputs;
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
            y[row] = Finish(sa, a, x, i, inputs);
            y[row + 1] = Finish(sb, b, x, i, inputs);
            y[row + 2] = Finish(sc, c, x, i, inputs);
            y[row + 3] = Finish(sd, d, x, i, inputs);
        }
        for (; row < last; row++)
        {
            var a = weights + row * inputs;
            Vector512<float> sum = default;
            long i = 0;
            for (; i + Lanes <= inputs; i += Lanes)
                sum = Vector512.FusedMultiplyAdd(Vector512.Load(a + i), Vector512.Load(x + i), sum);
            y[row] = Finish(sum, a, x, i, inputs);
        }
        if (bias != null)
            for (row = first; row < last; row++)
                y[row] += bias[row];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Finish(Vector512<float> sum, float* weights, float* x, long i, long inputs)
    {
        var total = Vector512.Sum(sum);
        for (; i < inputs; i++)
            total += weights[i] * x[i];
        return total;
    }
}
