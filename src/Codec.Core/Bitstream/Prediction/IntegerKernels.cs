using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Codec.Core.Bitstream.Prediction;

/// <summary>Integer matrix-vector products. Sums wrap modulo 2^32 in any order, so every instruction set gives the same result.</summary>
internal static class IntegerKernels
{
    /// <summary>Rows are padded with zeros to a multiple of this.</summary>
    public const int Lanes = 32;

    public static int Padded(int length) => (length + Lanes - 1) / Lanes * Lanes;

    /// <summary>result[r] = sum over c of rows[r * x.Length + c] * x[c].</summary>
    /// <param name="rows">Row-major; as many rows as results.</param>
    /// <param name="x">A multiple of <see cref="Lanes"/> long.</param>
    /// <param name="result">One sum per row.</param>
    public static void Multiply(ReadOnlySpan<short> rows, ReadOnlySpan<short> x, Span<int> result)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(x.Length % Lanes, 0);
        ArgumentOutOfRangeException.ThrowIfNotEqual(rows.Length, result.Length * x.Length);
        ref var row = ref MemoryMarshal.GetReference(rows);
        ref var input = ref MemoryMarshal.GetReference(x);
        for (var r = 0; r < result.Length; r++)
        {
            result[r] = Dot(ref row, ref input, x.Length);
            row = ref Unsafe.Add(ref row, x.Length);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Dot(ref short a, ref short b, int length)
    {
        if (Avx512BW.IsSupported)
        {
            var sum = Vector512<int>.Zero;
            for (nuint i = 0; i < (nuint)length; i += 32)
                sum += Avx512BW.MultiplyAddAdjacent(Vector512.LoadUnsafe(ref a, i), Vector512.LoadUnsafe(ref b, i));
            return Vector512.Sum(sum);
        }
        if (Avx2.IsSupported)
        {
            var sum = Vector256<int>.Zero;
            for (nuint i = 0; i < (nuint)length; i += 16)
                sum += Avx2.MultiplyAddAdjacent(Vector256.LoadUnsafe(ref a, i), Vector256.LoadUnsafe(ref b, i));
            return Vector256.Sum(sum);
        }
        if (AdvSimd.IsSupported)
        {
            var sum = Vector128<int>.Zero;
            for (nuint i = 0; i < (nuint)length; i += 8)
            {
                var (left, right) = (Vector128.LoadUnsafe(ref a, i), Vector128.LoadUnsafe(ref b, i));
                sum = AdvSimd.MultiplyWideningLowerAndAdd(sum, left.GetLower(), right.GetLower());
                sum = AdvSimd.MultiplyWideningLowerAndAdd(sum, left.GetUpper(), right.GetUpper());
            }
            return Vector128.Sum(sum);
        }
        var total = 0;
        for (var i = 0; i < length; i++)
            total += Unsafe.Add(ref a, i) * Unsafe.Add(ref b, i);
        return total;
    }
}
