using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Codec.Core.Bitstream.Prediction;

/// <summary>Integer matrix products over <see cref="PackedMatrix"/>. Sums wrap modulo 2^32 in any order, so every instruction set gives the same.</summary>
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
                MultiplyAdd<KernelSums512, Vector512<short>>(shape, ref weights, ref x, ref sums);
                break;
            case KernelPath.Avx2:
                MultiplyAdd<KernelSums256, KernelWeights256>(shape, ref weights, ref x, ref sums);
                break;
            case KernelPath.Vector128:
                MultiplyAdd<KernelSums128, KernelWeights128>(shape, ref weights, ref x, ref sums);
                break;
            default:
                MultiplyAddScalar(shape, ref weights, ref x, ref sums);
                break;
        }
    }

    private static void MultiplyAdd<TSums, TWeights>(in KernelShape shape, ref sbyte weights, ref short x, ref int sums) where TSums : struct, IKernelSums<TSums, TWeights>
    {
        var t = 0;
        for (; t + 4 <= shape.Frames; t += 4)
            FourFrames<TSums, TWeights>(shape, ref weights, ref Unsafe.Add(ref x, t * shape.Stride), ref Unsafe.Add(ref sums, t * shape.Groups * PackedMatrix.GroupRows));
        for (; t < shape.Frames; t++)
            OneFrame<TSums, TWeights>(shape, ref weights, ref Unsafe.Add(ref x, t * shape.Stride), ref Unsafe.Add(ref sums, t * shape.Groups * PackedMatrix.GroupRows));
    }

    /// <summary>Weights are read once for four frames.</summary>
    private static void FourFrames<TSums, TWeights>(in KernelShape shape, ref sbyte weights, ref short x, ref int sums) where TSums : struct, IKernelSums<TSums, TWeights>
    {
        var (rows, stride) = (shape.Groups * PackedMatrix.GroupRows, shape.Stride);
        for (var g = 0; g < shape.Groups; g++)
        {
            ref var weight = ref Unsafe.Add(ref weights, g * shape.GroupPairs * PairLength);
            TSums a = default, b = default, c = default, d = default;
            for (var p = 0; p < shape.Pairs; p++)
            {
                ref var input = ref Unsafe.Add(ref x, 2 * p);
                var wide = TSums.Load(ref weight);
                a = a.Add(wide, Pair(ref input));
                b = b.Add(wide, Pair(ref Unsafe.Add(ref input, stride)));
                c = c.Add(wide, Pair(ref Unsafe.Add(ref input, 2 * stride)));
                d = d.Add(wide, Pair(ref Unsafe.Add(ref input, 3 * stride)));
                weight = ref Unsafe.Add(ref weight, PairLength);
            }
            ref var target = ref Unsafe.Add(ref sums, g * PackedMatrix.GroupRows);
            a.AddTo(ref target);
            b.AddTo(ref Unsafe.Add(ref target, rows));
            c.AddTo(ref Unsafe.Add(ref target, 2 * rows));
            d.AddTo(ref Unsafe.Add(ref target, 3 * rows));
        }
    }

    /// <summary>Four groups at a time while there are as many, so that additions need not wait for each other.</summary>
    private static void OneFrame<TSums, TWeights>(in KernelShape shape, ref sbyte weights, ref short x, ref int sums) where TSums : struct, IKernelSums<TSums, TWeights>
    {
        var g = 0;
        var step = shape.GroupPairs * PairLength;
        for (; g + 4 <= shape.Groups; g += 4)
        {
            ref var weight = ref Unsafe.Add(ref weights, g * step);
            TSums a = default, b = default, c = default, d = default;
            for (var p = 0; p < shape.Pairs; p++)
            {
                var pair = Pair(ref Unsafe.Add(ref x, 2 * p));
                a = a.Add(TSums.Load(ref weight), pair);
                b = b.Add(TSums.Load(ref Unsafe.Add(ref weight, step)), pair);
                c = c.Add(TSums.Load(ref Unsafe.Add(ref weight, 2 * step)), pair);
                d = d.Add(TSums.Load(ref Unsafe.Add(ref weight, 3 * step)), pair);
                weight = ref Unsafe.Add(ref weight, PairLength);
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
            TSums a = default;
            for (var p = 0; p < shape.Pairs; p++)
                a = a.Add(TSums.Load(ref Unsafe.Add(ref weight, p * PairLength)), Pair(ref Unsafe.Add(ref x, 2 * p)));
            a.AddTo(ref Unsafe.Add(ref sums, g * PackedMatrix.GroupRows));
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

    /// <summary>Two neighbouring inputs, the first in the low half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Pair(ref short x)
        => BitConverter.IsLittleEndian ? Unsafe.ReadUnaligned<int>(ref Unsafe.As<short, byte>(ref x)) : (ushort)x | Unsafe.Add(ref x, 1) << 16;
}
