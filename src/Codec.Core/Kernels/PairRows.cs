using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Codec.Core.Kernels;

/// <summary>Float32 numbers into the 16-bit numbers of <see cref="PairTile"/>.</summary>
internal static unsafe class PairRows
{
    /// <summary>Largest whole number of an input. With weights whose magnitudes add up to <see cref="LargestSum"/> at most, no sum leaves 32 bits.</summary>
    public const int LargestInput = (1 << 13) - 1;

    /// <summary>See <see cref="LargestInput"/>.</summary>
    public const int LargestSum = int.MaxValue / LargestInput;

    private const int Lanes = PairTile.Lanes;

    /// <summary>To the nearest bfloat16.</summary>
    /// <param name="from">Numbers that follow each other.</param>
    /// <param name="count">How many; of an odd number the last has a zero beside it.</param>
    /// <param name="to">Room for an even number.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void ToBFloat(float* from, long count, ushort* to)
    {
        var i = 0L;
        for (; i + 2 * Lanes <= count; i += 2 * Lanes)
            Vector512.Store(Vector512.Narrow(Rounded(Vector512.Load(from + i)) >> 16, Rounded(Vector512.Load(from + i + Lanes)) >> 16), to + i);
        for (; i < count; i++)
            to[i] = (ushort)Round(from[i]);
        if (count % 2 != 0)
            to[count] = 0;
    }

    /// <summary>To whole numbers.</summary>
    /// <param name="from">Numbers that follow each other.</param>
    /// <param name="count">How many.</param>
    /// <param name="to">As many.</param>
    /// <returns>What a whole number must be multiplied with.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float ToIntegers(float* from, int count, short* to)
    {
        var most = Vector512<float>.Zero;
        var i = 0;
        for (; i + Lanes <= count; i += Lanes)
            most = Vector512.Max(most, Vector512.Abs(Vector512.Load(from + i)));
        var largest = Largest(most);
        for (; i < count; i++)
            largest = MathF.Max(largest, MathF.Abs(from[i]));
        if (!(largest > 1e-30f && largest < 1e30f)) // silence; and what is no number any more stays none
        {
            new Span<short>(to, count).Clear();
            return largest < 1 ? 0 : float.NaN;
        }
        var factor = LargestInput / largest;
        for (i = 0; i + Lanes <= count; i += Lanes)
            Store(Vector512.ConvertToInt32Native(Vector512.Round(Vector512.Load(from + i) * Vector512.Create(factor))), to + i);
        for (; i < count; i++)
            to[i] = (short)MathF.Round(from[i] * factor);
        return largest / LargestInput;
    }

    /// <summary>What weights of one output are to be multiplied with: as large as sums of 32 bits permit, and numbers of 16; 0 for zeros.</summary>
    public static float WeightScale(ReadOnlySpan<float> weights)
    {
        float largest = 0, sum = 0;
        foreach (var weight in weights)
        {
            var magnitude = MathF.Abs(weight);
            (largest, sum) = (MathF.Max(largest, magnitude), sum + magnitude);
        }
        // Rounding may add a half to each; the sum itself is rounded.
        return largest < 1e-30f ? 0 : MathF.Min(short.MaxValue / largest, (LargestSum - weights.Length) / (sum * 1.0001f));
    }

    /// <summary>To the nearest bfloat16, ties to even; its bits are the upper ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<uint> Rounded(Vector512<float> x)
    {
        var bits = x.AsUInt32();
        return bits + Vector512.Create(0x7FFFu) + ((bits >> 16) & Vector512<uint>.One);
    }

    /// <summary>The same of one number, as the lower bits.</summary>
    public static uint Round(float x)
    {
        var bits = BitConverter.SingleToUInt32Bits(x);
        return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Largest(Vector512<float> x)
    {
        var half = Vector256.Max(x.GetLower(), x.GetUpper());
        var quarter = Vector128.Max(half.GetLower(), half.GetUpper());
        var pair = Vector128.Max(quarter, Vector128.Shuffle(quarter, Vector128.Create(2, 3, 0, 1)));
        return MathF.Max(pair[0], pair[1]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector512<int> x, short* to)
    {
        if (Avx512F.IsSupported)
            Vector256.Store(Avx512F.ConvertToVector256Int16(x), to);
        else
            Vector256.Store(Vector256.Narrow(x.GetLower(), x.GetUpper()), to);
    }
}
