using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Codec.Core.Kernels;

/// <summary>
/// Weights that are exact in 16 bits, in a form that widens in a few instructions: a half-precision float of 1024 times the value.
/// Every half-precision number below 64, subnormals included, is a normal number or zero in it, so that widening is a shift,
/// a mask and one exact multiplication, which may as well be that of the inputs.
/// </summary>
internal static unsafe class HalfWeights
{
    private const int Lanes = 16;
    private const int ExponentShift = 10 + 15 - 127; // of 1024 w, biases of both formats
    private const float Scale = 5.0706024e30f;       // 2^102
    private const float LargestInput = 1 << 25;      // Scale times this is the last power of two

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

    /// <summary>Where a number of a panel lies: of each thirty-two, the first and the seventeenth share the 32 bits of a lane, and so on.</summary>
    public static long Place(long index) => (index & ~31L) | (index & 15) << 1 | (index >> 4 & 1);

    /// <summary>The first sixteen of thirty-two numbers, <see cref="Scale"/> times too small.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> First(Vector512<int> pairs) => Second(Vector512.ShiftLeft(pairs, 16));

    /// <summary>The other sixteen.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Second(Vector512<int> pairs)
        // Sign and number to their places; the exponent is then too small by 112 - 10.
        => (Vector512.ShiftRightArithmetic(pairs, 3) & Vector512.Create(unchecked((int)0x8fffe000))).AsSingle();

    /// <summary>Widens a panel.</summary>
    /// <param name="packed">A multiple of 32 numbers, each 32 in the order of <see cref="Place"/>.</param>
    /// <param name="count">How many.</param>
    /// <param name="target">As many floats, in the order of their columns.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Widen(ushort* packed, long count, float* target)
    {
        var scale = Vector512.Create(Scale);
        for (var i = 0L; i < count; i += 2 * Lanes)
        {
            var pairs = Vector512.Load((int*)(packed + i));
            Vector512.Store(First(pairs) * scale, target + i);
            Vector512.Store(Second(pairs) * scale, target + i + Lanes);
        }
    }

    /// <summary>Inputs <see cref="Scale"/> times as large, so that products with numbers that are so much too small are what they should be: exactly.</summary>
    /// <returns>False where one would not be a number any more.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool TryScale(float* x, int count, float* target)
    {
        var (fits, i) = (true, 0);
        for (; i + Lanes <= count; i += Lanes)
        {
            var part = Vector512.Load(x + i);
            Vector512.Store(part * Vector512.Create(Scale), target + i);
            fits &= Vector512.LessThanAll(Vector512.Abs(part), Vector512.Create(LargestInput)); // NaN is not
        }
        for (; i < count; i++)
        {
            target[i] = x[i] * Scale;
            fits &= MathF.Abs(x[i]) < LargestInput;
        }
        return fits;
    }
}
