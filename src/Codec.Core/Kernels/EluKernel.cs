using System.Runtime.Intrinsics;

namespace Codec.Core.Kernels;

/// <summary>ELU in one pass: from one place to another, e.g. into a padded buffer, or in place.</summary>
internal static unsafe class EluKernel
{
    public static void Run(float* x, float* y, long count)
    {
        var (from, to) = ((nint)x, (nint)y);
        RowBlocks.Run(count, 8, (first, last) => Range((float*)from, (float*)to, first, last));
    }

    private static void Range(float* x, float* y, long first, long last)
    {
        const int lanes = DenseTile.Lanes;
        var i = first;
        for (; i + lanes <= last; i += lanes)
            Vector512.Store(VectorMath.Elu(Vector512.Load(x + i)), y + i);
        float* tail = stackalloc float[lanes];
        for (var j = i; j < last; j++)
            tail[j - i] = x[j];
        var value = VectorMath.Elu(Vector512.Load(tail));
        for (var j = i; j < last; j++)
            y[j] = value[(int)(j - i)];
    }
}
