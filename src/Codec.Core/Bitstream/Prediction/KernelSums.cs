using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Codec.Core.Bitstream.Prediction;

/// <summary>Sums of the sixteen rows of a group, held in registers.</summary>
internal interface IKernelSums<TSelf> where TSelf : struct, IKernelSums<TSelf>
{
    /// <summary>Adds weight[r, 0] * low + weight[r, 1] * high to each row's sum.</summary>
    /// <param name="weights">[row, 2].</param>
    /// <param name="pair">Low and high half: two inputs.</param>
    TSelf Add(ref short weights, int pair);

    void AddTo(ref int sums);
}

internal readonly struct KernelSums512(Vector512<int> sum) : IKernelSums<KernelSums512>
{
    private readonly Vector512<int> _sum = sum;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public KernelSums512 Add(ref short weights, int pair)
        => new(_sum + Avx512BW.MultiplyAddAdjacent(Vector512.LoadUnsafe(ref weights), Vector512.Create(pair).AsInt16()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddTo(ref int sums) => (Vector512.LoadUnsafe(ref sums) + _sum).StoreUnsafe(ref sums);
}

internal readonly struct KernelSums256(Vector256<int> low, Vector256<int> high) : IKernelSums<KernelSums256>
{
    private readonly Vector256<int> _low = low, _high = high;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public KernelSums256 Add(ref short weights, int pair)
    {
        var x = Vector256.Create(pair).AsInt16();
        return new(_low + Avx2.MultiplyAddAdjacent(Vector256.LoadUnsafe(ref weights), x),
            _high + Avx2.MultiplyAddAdjacent(Vector256.LoadUnsafe(ref weights, 16), x));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AddTo(ref int sums)
    {
        (Vector256.LoadUnsafe(ref sums) + _low).StoreUnsafe(ref sums);
        (Vector256.LoadUnsafe(ref sums, 8) + _high).StoreUnsafe(ref sums, 8);
    }
}

internal readonly struct KernelSums128(Vector128<int> a, Vector128<int> b, Vector128<int> c, Vector128<int> d) : IKernelSums<KernelSums128>
{
    private readonly Vector128<int> _a = a, _b = b, _c = c, _d = d;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public KernelSums128 Add(ref short weights, int pair)
    {
        Vector128<int> low = Vector128.Create((int)(short)pair), high = Vector128.Create(pair >> 16);
        return new(_a + Products(Vector128.LoadUnsafe(ref weights), low, high), _b + Products(Vector128.LoadUnsafe(ref weights, 8), low, high),
            _c + Products(Vector128.LoadUnsafe(ref weights, 16), low, high), _d + Products(Vector128.LoadUnsafe(ref weights, 24), low, high));
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
