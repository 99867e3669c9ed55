using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Codec.Core.Bitstream.Prediction;

/// <summary>Sums of the sixteen rows of a group, held in registers.</summary>
/// <typeparam name="TSelf">The sums.</typeparam>
/// <typeparam name="TWeights">Weights of a pair of columns, widened to 16 bits.</typeparam>
internal interface IKernelSums<TSelf, TWeights> where TSelf : struct, IKernelSums<TSelf, TWeights>
{
    /// <param name="weights">[row, 2].</param>
    static abstract TWeights Load(ref sbyte weights);

    /// <summary>Adds weight[r, 0] * low + weight[r, 1] * high to each row's sum.</summary>
    /// <param name="weights">Of the pair of columns.</param>
    /// <param name="pair">Low and high half: two inputs.</param>
    TSelf Add(TWeights weights, int pair);

    void AddTo(ref int sums);
}

internal readonly struct KernelSums512(Vector512<int> sum) : IKernelSums<KernelSums512, Vector512<short>>
{
    private readonly Vector512<int> _sum = sum;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<short> Load(ref sbyte weights) => Avx512BW.ConvertToVector512Int16(Vector256.LoadUnsafe(ref weights));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public KernelSums512 Add(Vector512<short> weights, int pair)
        => new(_sum + Avx512BW.MultiplyAddAdjacent(weights, Vector512.Create(pair).AsInt16()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddTo(ref int sums) => (Vector512.LoadUnsafe(ref sums) + _sum).StoreUnsafe(ref sums);
}

internal readonly record struct KernelWeights256(Vector256<short> Low, Vector256<short> High);

internal readonly struct KernelSums256(Vector256<int> low, Vector256<int> high) : IKernelSums<KernelSums256, KernelWeights256>
{
    private readonly Vector256<int> _low = low, _high = high;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static KernelWeights256 Load(ref sbyte weights)
        => new(Avx2.ConvertToVector256Int16(Vector128.LoadUnsafe(ref weights)), Avx2.ConvertToVector256Int16(Vector128.LoadUnsafe(ref weights, 16)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public KernelSums256 Add(KernelWeights256 weights, int pair)
    {
        var x = Vector256.Create(pair).AsInt16();
        return new(_low + Avx2.MultiplyAddAdjacent(weights.Low, x), _high + Avx2.MultiplyAddAdjacent(weights.High, x));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddTo(ref int sums)
    {
        (Vector256.LoadUnsafe(ref sums) + _low).StoreUnsafe(ref sums);
        (Vector256.LoadUnsafe(ref sums, 8) + _high).StoreUnsafe(ref sums, 8);
    }
}

internal readonly record struct KernelWeights128(Vector128<short> A, Vector128<short> B, Vector128<short> C, Vector128<short> D);

internal readonly struct KernelSums128(Vector128<int> a, Vector128<int> b, Vector128<int> c, Vector128<int> d) : IKernelSums<KernelSums128, KernelWeights128>
{
    private readonly Vector128<int> _a = a, _b = b, _c = c, _d = d;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static KernelWeights128 Load(ref sbyte weights)
    {
        var (a, b) = Vector128.Widen(Vector128.LoadUnsafe(ref weights));
        var (c, d) = Vector128.Widen(Vector128.LoadUnsafe(ref weights, 16));
        return new(a, b, c, d);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public KernelSums128 Add(KernelWeights128 weights, int pair)
    {
        Vector128<int> low = Vector128.Create((int)(short)pair), high = Vector128.Create(pair >> 16);
        return new(_a + Products(weights.A, low, high), _b + Products(weights.B, low, high),
            _c + Products(weights.C, low, high), _d + Products(weights.D, low, high));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddTo(ref int sums)
    {
        (Vector128.LoadUnsafe(ref sums) + _a).StoreUnsafe(ref sums);
        (Vector128.LoadUnsafe(ref sums, 4) + _b).StoreUnsafe(ref sums, 4);
        (Vector128.LoadUnsafe(ref sums, 8) + _c).StoreUnsafe(ref sums, 8);
        (Vector128.LoadUnsafe(ref sums, 12) + _d).StoreUnsafe(ref sums, 12);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Products(Vector128<short> weights, Vector128<int> low, Vector128<int> high)
    {
        var both = weights.AsInt32();
        return (both << 16 >> 16) * low + (both >> 16) * high;
    }
}
