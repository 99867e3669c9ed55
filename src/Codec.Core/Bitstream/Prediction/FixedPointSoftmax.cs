using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Codec.Core.Bitstream.Prediction;

/// <summary>Logits to integer frequencies, in integer arithmetic.</summary>
internal static class FixedPointSoftmax
{
    /// <summary>Fraction bits of a logit, whose unit is a factor of two in probability.</summary>
    public const int FractionBits = 10;

    private const int Fractions = 1 << FractionBits;
    private const int UnitBits = 24;
    private const int Lanes = 8;

    /// <summary>Powers[f] = floor(2^(24 + f / 1024)).</summary>
    private static readonly uint[] Powers = MakePowers();

    /// <summary>log2 of the total that frequencies aim at: every symbol gets at least 1.</summary>
    public static int TotalBits(int symbols) => Math.Clamp(int.Log2(Math.Max(1, symbols)) + 6, 16, 24);

    /// <summary>2^(32 + exponent / 1024), rounded down, for exponents in [-32768, 31744).</summary>
    public static ulong PowerOfTwo(int exponent)
    {
        var whole = exponent >> FractionBits;
        var power = (ulong)Powers[exponent & (Fractions - 1)] << (32 - UnitBits);
        return whole >= 0 ? power << whole : power >> -whole;
    }

    /// <summary>Turns logits into a table for <see cref="ISymbolCoder.Code"/>.</summary>
    /// <param name="logits">In units of 2^-10 of a factor of two. Overwritten.</param>
    /// <param name="cumulative">One longer than the logits.</param>
    public static void Cumulate(Span<int> logits, Span<uint> cumulative)
    {
        var sum = PowersOf(logits);
        var scale = (uint)((((1UL << TotalBits(logits.Length)) - (ulong)logits.Length) << UnitBits) / sum); // below 2^24, as the sum is at least 2^24
        Frequencies(logits, scale);
        var total = 0u;
        for (var i = 0; i < logits.Length; i++)
        {
            cumulative[i] = total;
            total += (uint)logits[i];
        }
        cumulative[logits.Length] = total;
    }

    /// <summary>2^(24 + (logit - most) / 1024), rounded down.</summary>
    /// <returns>Their sum.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static ulong PowersOf(Span<int> logits)
    {
        var most = int.MinValue;
        foreach (var logit in logits)
            most = Math.Max(most, logit);
        var i = 0;
        ulong sum = 0;
        for (; Avx2.IsSupported && i + Lanes <= logits.Length; i += Lanes)
        {
            var part = logits.Slice(i, Lanes);
            var below = Vector256.Min((Vector256.Create(most) - Vector256.Create<int>(part)).AsUInt32(), Vector256.Create(32u << FractionBits)).AsInt32();
            var whole = Vector256.Min((below + Vector256.Create(Fractions - 1)) >> FractionBits, Vector256.Create(31));
            Gather(-below & Vector256.Create(Fractions - 1), whole.AsUInt32()).CopyTo(part);
        }
        for (; i < logits.Length; i++)
        {
            var below = (long)most - logits[i]; // >= 0; 2^(-below / 1024) = 2^(fraction) >> whole
            var whole = (int)Math.Min((below + Fractions - 1) >> FractionBits, 31);
            logits[i] = (int)(Powers[(int)(-below & (Fractions - 1))] >> whole);
        }
        foreach (var power in logits)
            sum += (uint)power;
        return sum;
    }

    private static unsafe Vector256<int> Gather(Vector256<int> fraction, Vector256<uint> whole)
    {
        fixed (uint* powers = Powers)
            return Avx2.ShiftRightLogicalVariable(Avx2.GatherVector256(powers, fraction, sizeof(uint)), whole).AsInt32();
    }

    /// <summary>Powers to frequencies: 1 + power * scale / 2^24, rounded down.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Frequencies(Span<int> powers, uint scale)
    {
        var i = 0;
        for (; Vector256.IsHardwareAccelerated && i + Lanes <= powers.Length; i += Lanes)
        {
            var part = powers.Slice(i, Lanes);
            var (low, high) = Vector256.Widen(Vector256.Create<int>(part).AsUInt32());
            var factor = Vector256.Create((ulong)scale);
            (Vector256.Narrow(low * factor >> UnitBits, high * factor >> UnitBits).AsInt32() + Vector256<int>.One).CopyTo(part);
        }
        for (; i < powers.Length; i++)
            powers[i] = 1 + (int)((ulong)(uint)powers[i] * scale >> UnitBits);
    }

    /// <summary>Successive square roots of two, multiplied up; exact integers throughout, not the platform's pow.</summary>
    private static uint[] MakePowers()
    {
        var roots = new ulong[FractionBits];  // 2^(2^-(b+1)) with 60 fraction bits
        var root = (UInt128)1 << 61;
        for (var b = 0; b < roots.Length; b++)
            roots[b] = (ulong)(root = SquareRoot(root << 60));
        var powers = new uint[Fractions];
        for (var f = 0; f < Fractions; f++)
        {
            var value = (UInt128)1 << 60;
            for (var b = 0; b < roots.Length; b++)
                if ((f >> (FractionBits - 1 - b) & 1) != 0)
                    value = value * roots[b] >> 60;
            powers[f] = (uint)(value >> (60 - UnitBits));
        }
        return powers;
    }

    private static UInt128 SquareRoot(UInt128 value)
    {
        UInt128 root = 0;
        for (var bit = 62; bit >= 0; bit--)
        {
            var candidate = root | (UInt128)1 << bit;
            if (candidate * candidate <= value)
                root = candidate;
        }
        return root;
    }
}
