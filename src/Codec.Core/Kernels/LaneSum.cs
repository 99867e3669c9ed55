using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Codec.Core.Kernels;

/// <summary>Sums over the 16 lanes of vectors, always in one order: halves onto each other twice, then neighbours. Four at a time cost little more than one.</summary>
internal static class LaneSum
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float One(Vector512<float> v)
    {
        var q = Quarter(v);
        return (q[0] + q[1]) + (q[2] + q[3]);
    }

    /// <summary>The sums of four vectors; each has the bits of <see cref="One"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Four(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d)
        => Sse3.IsSupported
            ? Sse3.HorizontalAdd(Sse3.HorizontalAdd(Quarter(a), Quarter(b)), Sse3.HorizontalAdd(Quarter(c), Quarter(d)))
            : Vector128.Create(One(a), One(b), One(c), One(d));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Quarter(Vector512<float> v)
    {
        var half = v.GetLower() + v.GetUpper();
        return half.GetLower() + half.GetUpper();
    }
}
