using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Codec.Core.Kernels;

/// <summary>
/// Weights that are exact in 16 bits, in a form that widens in a few instructions: a half-precision float of 1024 times the value.
/// Every half-precision number below 64, subnormals included, is a normal number or zero in it, so that widening is a shift,
/// a mask and one exact multiplication.
/// </summary>
internal static unsafe class HalfWeights
{
    private const int Lanes = 16;
    private const int ExponentShift = 10 + 15 - 127; // of 1024 w, biases of both formats

    /// <summary>Packs numbers where all of them are exact.</summary>
    /// <returns>False where one is not; <paramref name="packed"/> is then undefined.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool TryPack(ReadOnlySpan<float> values, Span<ushort> packed)
    {
        for (var i = 0; i < values.Length; i++)
        {
            var bits = BitConverter.SingleToUInt32Bits(values[i]);
            var exponent = (int)((bits >> 23) & 0xff) + ExponentShift;
            var zero = bits << 1 == 0;
            if (!zero && ((bits & 0x1fff) != 0 || exponent is < 1 or > 30))
                return false;
            packed[i] = (ushort)((bits >> 16 & 0x8000) | (zero ? 0 : (uint)exponent << 10 | (bits >> 13 & 0x3ff)));
        }
        return true;
    }

    /// <summary>Numbers of IEEE half precision.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static float[] ToSingle(ReadOnlySpan<ushort> halves)
    {
        var values = new float[halves.Length];
        for (var i = 0; i < values.Length; i++)
        {
            uint magnitude = halves[i] & 0x7fffu, sign = (halves[i] & 0x8000u) << 16;
            // Exponents of all ones are infinities and NaN; the product brings the exponent to its place, subnormals included.
            var value = magnitude >= 0x7c00
                ? BitConverter.UInt32BitsToSingle(0x7f800000 | (magnitude & 0x3ff) << 13)
                : BitConverter.UInt32BitsToSingle(magnitude << 13) * 5.192297e33f; // 2^112
            values[i] = BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(value) | sign);
        }
        return values;
    }

    /// <summary>Sixteen of them as they were.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Widen(ushort* packed)
    {
        var words = Avx512F.IsSupported
            ? Avx512F.ConvertToVector512Int32(Vector256.Load((short*)packed))
            : Generic((short*)packed);
        // Sign and number to their places; the exponent is then too small by 112 + 10.
        return (Vector512.ShiftLeft(words, 13) & Vector512.Create(unchecked((int)0x8fffe000))).AsSingle() * Vector512.Create(5.0706024e30f); // 2^102
    }

    /// <summary>The same for a whole panel.</summary>
    /// <param name="packed">A multiple of 16 numbers.</param>
    /// <param name="count">How many.</param>
    /// <param name="target">As many floats.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Widen(ushort* packed, long count, float* target)
    {
        for (var i = 0L; i < count; i += Lanes)
            Vector512.Store(Widen(packed + i), target + i);
    }

    private static Vector512<int> Generic(short* packed)
    {
        var (low, high) = Vector256.Widen(Vector256.Load(packed));
        return Vector512.Create(low, high);
    }
}
