namespace Codec.Core.Bitstream.Prediction;

/// <summary>Logits to integer frequencies, in integer arithmetic.</summary>
internal static class FixedPointSoftmax
{
    /// <summary>Fraction bits of a logit, whose unit is a factor of two in probability.</summary>
    public const int FractionBits = 10;

    private const int Fractions = 1 << FractionBits;
    private const int UnitBits = 24;

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
        var most = int.MinValue;
        foreach (var logit in logits)
            most = Math.Max(most, logit);
        ulong sum = 0;
        foreach (ref var logit in logits)
        {
            var below = (long)most - logit; // >= 0; 2^(-below / 1024) = 2^(fraction) >> whole
            var whole = (int)Math.Min((below + Fractions - 1) >> FractionBits, 31);
            var fraction = (int)(-below & (Fractions - 1));
            logit = (int)(Powers[fraction] >> whole);
            sum += (uint)logit;
        }
        var total = 1UL << TotalBits(logits.Length);
        var scale = ((total - (ulong)logits.Length) << 24) / sum;
        cumulative[0] = 0;
        for (var i = 0; i < logits.Length; i++)
            cumulative[i + 1] = cumulative[i] + 1 + (uint)((uint)logits[i] * scale >> 24);
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
