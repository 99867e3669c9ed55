using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Codec.Core.Bitstream.Prediction;

/// <summary>Sums of the sixteen rows of a group, held in registers.</summary>
/// <typeparam name="TSelf">The sums.</typeparam>
/// <typeparam name="TWeights">Weights of a pair of columns, widened to 16 bits.</typeparam>
/// <typeparam name="TPair">Two inputs, for every row.</typeparam>
internal interface IKernelSums<TSelf, TWeights, TPair> where TSelf : struct, IKernelSums<TSelf, TWeights, TPair>
{
    /// <param name="weights">[row, 2].</param>
    static abstract TWeights Load(ref sbyte weights);

    /// <param name="x">The first of two neighbouring inputs.</param>
    static abstract TPair Spread(ref short x);

    /// <summary>Adds weight[r, 0] * x[0] + weight[r, 1] * x[1] to each row's sum.</summary>
    /// <param name="weights">Of the pair of columns.</param>
    /// <param name="pair">The inputs.</param>
    TSelf Add(TWeights weights, TPair pair);

    void AddTo(ref int sums);
}

internal readonly struct KernelSums512(Vector512<int> sum) : IKernelSums<KernelSums512, Vector512<short>, Vector512<short>>
{
    private readonly Vector512<int> _sum = sum;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<short> Load(ref sbyte weights) => Avx512BW.ConvertToVector512Int16(Vector256.LoadUnsafe(ref weights));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<short> Spread(ref short x) => Vector512.Create(Unsafe.ReadUnaligned<int>(ref Unsafe.As<short, byte>(ref x))).AsInt16();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public KernelSums512 Add(Vector512<short> weights, Vector512<short> pair) => new(_sum + Avx512BW.MultiplyAddAdjacent(weights, pair));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddTo(ref int sums) => (Vector512.LoadUnsafe(ref sums) + _sum).StoreUnsafe(ref sums);
}

internal readonly record struct KernelWeights256(Vector256<short> Low, Vector256<short> High);

internal readonly struct KernelSums256(Vector256<int> low, Vector256<int> high) : IKernelSums<KernelSums256, KernelWeights256, Vector256<short>>
{
    private readonly Vector256<int> _low = low, _high = high;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static KernelWeights256 Load(ref sbyte weights)
        => new(Avx2.ConvertToVector256Int16(Vector128.LoadUnsafe(ref weights)), Avx2.ConvertToVector256Int16(Vector128.LoadUnsafe(ref weights, 16)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> Spread(ref short x) => Vector256.Create(Unsafe.ReadUnaligned<int>(ref Unsafe.As<short, byte>(ref x))).AsInt16();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public KernelSums256 Add(KernelWeights256 weights, Vector256<short> pair)
        => new(_low + Avx2.MultiplyAddAdjacent(weights.Low, pair), _high + Avx2.MultiplyAddAdjacent(weights.High, pair));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddTo(ref int sums)
    {
        (Vector256.LoadUnsafe(ref sums) + _low).StoreUnsafe(ref sums);
        (Vector256.LoadUnsafe(ref sums, 8) + _high).StoreUnsafe(ref sums, 8);
    }
}

internal readonly record struct KernelWeights128(Vector128<short> A, Vector128<short> B, Vector128<short> C, Vector128<short> D);

internal readonly record struct KernelPair128(Vector128<int> Low, Vector128<int> High);

internal readonly struct KernelSums128(Vector128<int> a, Vector128<int> b, Vector128<int> c, Vector128<int> d) : IKernelSums<KernelSums128, KernelWeights128, KernelPair128>
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
    public static KernelPair128 Spread(ref short x) => new(Vector128.Create((int)x), Vector128.Create((int)Unsafe.Add(ref x, 1)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public KernelSums128 Add(KernelWeights128 weights, KernelPair128 pair) => new(
        _a + Products(weights.A, pair.Low, pair.High), _b + Products(weights.B, pair.Low, pair.High),
        _c + Products(weights.C, pair.Low, pair.High), _d + Products(weights.D, pair.Low, pair.High));

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
