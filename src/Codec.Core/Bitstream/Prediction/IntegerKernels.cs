using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Codec.Core.Bitstream.Prediction;

/// <summary>Integer matrix products over <see cref="PackedMatrix"/>. Sums wrap modulo 2^32 in any order, so every instruction set gives the same.
/// The loops are compiled in full at once: a short file would end before the runtime finds out that they are hot.</summary>
internal static class IntegerKernels
{
    private const int PairLength = 2 * PackedMatrix.GroupRows;

    public static KernelPath Fastest { get; } = Enum.GetValues<KernelPath>().Last(IsSupported);

    public static bool IsSupported(KernelPath path) => path switch
    {
        KernelPath.Avx512 => Avx512BW.IsSupported,
        KernelPath.Avx2 => Avx2.IsSupported,
        KernelPath.Vector128 => Vector128.IsHardwareAccelerated,
        _ => true,
    };

    public static void MultiplyAdd(in KernelShape shape, ref sbyte weights, ref short x, ref int sums, KernelPath path)
    {
        switch (path)
        {
            case KernelPath.Avx512:
                MultiplyAdd<KernelSums512, Vector512<short>, Vector512<short>>(shape, ref weights, ref x, ref sums);
                break;
            case KernelPath.Avx2:
                MultiplyAdd<KernelSums256, KernelWeights256, Vector256<short>>(shape, ref weights, ref x, ref sums);
                break;
            case KernelPath.Vector128:
                MultiplyAdd<KernelSums128, KernelWeights128, KernelPair128>(shape, ref weights, ref x, ref sums);
                break;
            default:
                MultiplyAddScalar(shape, ref weights, ref x, ref sums);
                break;
        }
    }

    private static void MultiplyAdd<TSums, TWeights, TPair>(in KernelShape shape, ref sbyte weights, ref short x, ref int sums) where TSums : struct, IKernelSums<TSums, TWeights, TPair>
    {
        var t = 0;
        for (; t + 4 <= shape.Frames; t += 4)
            FourFrames<TSums, TWeights, TPair>(shape, ref weights, ref Unsafe.Add(ref x, t * shape.Stride), ref Unsafe.Add(ref sums, t * shape.Groups * PackedMatrix.GroupRows));
        for (; t < shape.Frames; t++)
            OneFrame<TSums, TWeights, TPair>(shape, ref weights, ref Unsafe.Add(ref x, t * shape.Stride), ref Unsafe.Add(ref sums, t * shape.Groups * PackedMatrix.GroupRows));
    }

    /// <summary>Weights are read once for four frames.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FourFrames<TSums, TWeights, TPair>(in KernelShape shape, ref sbyte weights, ref short x, ref int sums) where TSums : struct, IKernelSums<TSums, TWeights, TPair>
    {
        nint rows = shape.Groups * PackedMatrix.GroupRows, stride = shape.Stride, pairs = shape.Pairs;
        ref short x1 = ref Unsafe.Add(ref x, stride), x2 = ref Unsafe.Add(ref x, 2 * stride), x3 = ref Unsafe.Add(ref x, 3 * stride);
        for (var g = 0; g < shape.Groups; g++)
        {
            ref var weight = ref Unsafe.Add(ref weights, (nint)g * shape.GroupPairs * PairLength);
            TSums a = default, b = default, c = default, d = default;
            for (nint p = 0; p < pairs; p++)
            {
                var wide = TSums.Load(ref Unsafe.Add(ref weight, p * PairLength));
                a = a.Add(wide, TSums.Spread(ref Unsafe.Add(ref x, 2 * p)));
                b = b.Add(wide, TSums.Spread(ref Unsafe.Add(ref x1, 2 * p)));
                c = c.Add(wide, TSums.Spread(ref Unsafe.Add(ref x2, 2 * p)));
                d = d.Add(wide, TSums.Spread(ref Unsafe.Add(ref x3, 2 * p)));
            }
            ref var target = ref Unsafe.Add(ref sums, g * PackedMatrix.GroupRows);
            a.AddTo(ref target);
            b.AddTo(ref Unsafe.Add(ref target, rows));
            c.AddTo(ref Unsafe.Add(ref target, 2 * rows));
            d.AddTo(ref Unsafe.Add(ref target, 3 * rows));
        }
    }

    /// <summary>Four groups at a time while there are as many, so that additions need not wait for each other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OneFrame<TSums, TWeights, TPair>(in KernelShape shape, ref sbyte weights, ref short x, ref int sums) where TSums : struct, IKernelSums<TSums, TWeights, TPair>
    {
        nint step = shape.GroupPairs * PairLength, pairs = shape.Pairs;
        var g = 0;
        for (; g + 4 <= shape.Groups; g += 4)
        {
            ref var w0 = ref Unsafe.Add(ref weights, g * step);
            ref sbyte w1 = ref Unsafe.Add(ref w0, step), w2 = ref Unsafe.Add(ref w0, 2 * step), w3 = ref Unsafe.Add(ref w0, 3 * step);
            TSums a = default, b = default, c = default, d = default;
            for (nint p = 0; p < pairs; p++)
            {
                var (pair, at) = (TSums.Spread(ref Unsafe.Add(ref x, 2 * p)), p * PairLength);
                a = a.Add(TSums.Load(ref Unsafe.Add(ref w0, at)), pair);
                b = b.Add(TSums.Load(ref Unsafe.Add(ref w1, at)), pair);
                c = c.Add(TSums.Load(ref Unsafe.Add(ref w2, at)), pair);
                d = d.Add(TSums.Load(ref Unsafe.Add(ref w3, at)), pair);
            }
            ref var target = ref Unsafe.Add(ref sums, g * PackedMatrix.GroupRows);
            a.AddTo(ref target);
            b.AddTo(ref Unsafe.Add(ref target, PackedMatrix.GroupRows));
            c.AddTo(ref Unsafe.Add(ref target, 2 * PackedMatrix.GroupRows));
            d.AddTo(ref Unsafe.Add(ref target, 3 * PackedMatrix.GroupRows));
        }
        for (; g < shape.Groups; g++)
        {
            ref var weight = ref Unsafe.Add(ref weights, g * step);
            TSums a = default, b = default; // even and odd pairs
            nint p = 0;
            for (; p + 2 <= pairs; p += 2)
            {
                a = a.Add(TSums.Load(ref Unsafe.Add(ref weight, p * PairLength)), TSums.Spread(ref Unsafe.Add(ref x, 2 * p)));
                b = b.Add(TSums.Load(ref Unsafe.Add(ref weight, (p + 1) * PairLength)), TSums.Spread(ref Unsafe.Add(ref x, 2 * p + 2)));
            }
            if (p < pairs)
                a = a.Add(TSums.Load(ref Unsafe.Add(ref weight, p * PairLength)), TSums.Spread(ref Unsafe.Add(ref x, 2 * p)));
            ref var target = ref Unsafe.Add(ref sums, g * PackedMatrix.GroupRows);
            a.AddTo(ref target);
            b.AddTo(ref target);
        }
    }

    private static void MultiplyAddScalar(in KernelShape shape, ref sbyte weights, ref short x, ref int sums)
    {
        for (var t = 0; t < shape.Frames; t++)
            for (var g = 0; g < shape.Groups; g++)
                for (var p = 0; p < shape.Pairs; p++)
                {
                    ref var weight = ref Unsafe.Add(ref weights, (g * shape.GroupPairs + p) * PairLength);
                    int low = Unsafe.Add(ref x, t * shape.Stride + 2 * p), high = Unsafe.Add(ref x, t * shape.Stride + 2 * p + 1);
                    ref var target = ref Unsafe.Add(ref sums, (t * shape.Groups + g) * PackedMatrix.GroupRows);
                    for (var r = 0; r < PackedMatrix.GroupRows; r++)
                        Unsafe.Add(ref target, r) += Unsafe.Add(ref weight, 2 * r) * low + Unsafe.Add(ref weight, 2 * r + 1) * high;
                }
    }
}
