using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Codec.Core.Bitstream.Prediction;

/// <summary>Sums of embeddings.</summary>
internal static class EmbeddingSums
{
    private const int Lanes = 16;

    /// <summary>sums += vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add(Span<int> sums, ReadOnlySpan<short> vector)
    {
        var i = 0;
        for (; i + Lanes <= sums.Length; i += Lanes)
        {
            var (low, high) = Vector256.Widen(Vector256.Create(vector[i..]));
            (Vector512.Create<int>(sums[i..]) + Vector512.Create(low, high)).CopyTo(sums[i..]);
        }
        for (; i < sums.Length; i++)
            sums[i] += vector[i];
    }

    /// <summary>sums += vector, of numbers that fit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add(Span<short> sums, ReadOnlySpan<short> vector)
    {
        var i = 0;
        for (; i + Lanes <= sums.Length; i += Lanes)
            (Vector256.Create<short>(sums[i..]) + Vector256.Create(vector[i..])).CopyTo(sums[i..]);
        for (; i < sums.Length; i++)
            sums[i] += vector[i];
    }
}
