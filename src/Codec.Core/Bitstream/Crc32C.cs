using System.Numerics;
using System.Runtime.InteropServices;

namespace Codec.Core.Bitstream;

/// <summary>CRC-32C (Castagnoli, reflected 0x82F63B78), as in RFC 3720 appendix B.4.</summary>
public static class Crc32C
{
    /// <summary>Checksum of <paramref name="bytes"/>, continuing from the checksum of the bytes before them.</summary>
    public static uint Compute(ReadOnlySpan<byte> bytes, uint before = 0)
    {
        var crc = ~before;
        if (BitConverter.IsLittleEndian)
        {
            foreach (var word in MemoryMarshal.Cast<byte, ulong>(bytes))
                crc = BitOperations.Crc32C(crc, word);
            bytes = bytes[(bytes.Length & ~7)..];
        }
        foreach (var value in bytes)
            crc = BitOperations.Crc32C(crc, value);
        return ~crc;
    }

    /// <summary>The CRC register after one more byte, without the inversions at both ends.</summary>
    internal static uint Step(uint register, byte value) => BitOperations.Crc32C(register, value);

    /// <summary>The CRC register after <paramref name="zeros"/> zero bytes: register * x^(8 zeros) modulo the polynomial.</summary>
    internal static uint Advance(uint register, long zeros)
    {
        for (var bit = 3; zeros > 0; bit++, zeros >>= 1)
            if ((zeros & 1) != 0)
                register = Multiply(PowersOfX[bit & 31], register);
        return register;
    }

    /// <summary>Continues a checksum with a number, low byte first.</summary>
    internal static uint Append(uint before, uint number)
    {
        var crc = ~before;
        for (var i = 0; i < 4; i++)
            crc = BitOperations.Crc32C(crc, (byte)(number >> (8 * i)));
        return ~crc;
    }

    /// <summary>The number that <see cref="Append"/> must have been given to turn one checksum into another; there is exactly one.</summary>
    internal static uint Appended(uint before, uint after)
    {
        var register = ~after;
        for (var bit = 0; bit < 32; bit++) // back through four bytes: the polynomial's top bit tells which way each step went
            register = (register & 1u << 31) != 0 ? (register ^ 0x82F63B78) << 1 | 1 : register << 1;
        return register ^ ~before;
    }

    /// <summary>x^(2^n); in 32 bits x^(2^32) = x, so the exponents repeat.</summary>
    private static readonly uint[] PowersOfX = Powers();

    private static uint[] Powers()
    {
        var powers = new uint[32];
        powers[0] = 1u << 30; // x^1: reflected, the constant term is the top bit
        for (var n = 1; n < powers.Length; n++)
            powers[n] = Multiply(powers[n - 1], powers[n - 1]);
        return powers;
    }

    /// <summary>Product of two polynomials modulo the CRC polynomial, all reflected.</summary>
    private static uint Multiply(uint a, uint b)
    {
        uint product = 0;
        for (var bit = 1u << 31; bit != 0; bit >>= 1)
        {
            if ((a & bit) != 0)
                product ^= b;
            b = (b & 1) != 0 ? b >> 1 ^ 0x82F63B78 : b >> 1;
        }
        return product;
    }
}
