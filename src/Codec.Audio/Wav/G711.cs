using System.Numerics;

namespace Codec.Audio.Wav;

/// <summary>ITU-T G.711 companding between 8-bit codes and 16-bit linear samples.</summary>
internal static class G711
{
    private const int MuBias = 132, MuClip = 32635;

    /// <summary>Linear value of every A-law byte.</summary>
    public static readonly short[] ALaw = [.. Enumerable.Range(0, 256).Select(b => DecodeALaw((byte)b))];

    /// <summary>Linear value of every mu-law byte.</summary>
    public static readonly short[] MuLaw = [.. Enumerable.Range(0, 256).Select(b => DecodeMuLaw((byte)b))];

    public static byte Encode(SampleEncoding law, short sample)
        => law == SampleEncoding.ALaw ? EncodeALaw(sample) : EncodeMuLaw(sample);

    private static byte EncodeALaw(short sample)
    {
        // Codes carry even bits inverted (0x55); set sign bit = positive. Negative values use the one's complement.
        var negative = sample < 0;
        var magnitude = (negative ? ~sample : sample) >> 4; // 11 bits: the steps of the finest segment are 16
        var segment = magnitude < 32 ? 0 : BitOperations.Log2((uint)magnitude) - 3;
        var code = segment == 0 ? magnitude : segment << 4 | magnitude >> (segment - 1) & 15; // segments 0 and 1 have equal steps
        return (byte)((code | (negative ? 0 : 0x80)) ^ 0x55);
    }

    private static byte EncodeMuLaw(short sample)
    {
        var negative = sample < 0;
        var magnitude = Math.Min(negative ? -sample : sample, MuClip) + MuBias;
        var segment = BitOperations.Log2((uint)magnitude) - 7;
        var code = segment << 4 | magnitude >> (segment + 3) & 15;
        return (byte)~(code | (negative ? 0x80 : 0));
    }

    private static short DecodeALaw(byte code)
    {
        var bits = code ^ 0x55;
        var (segment, mantissa) = (bits >> 4 & 7, bits & 15);
        var magnitude = segment == 0 ? (mantissa << 4) + 8 : (mantissa << 4) + 0x108 << segment - 1;
        return (short)((bits & 0x80) != 0 ? magnitude : -magnitude);
    }

    private static short DecodeMuLaw(byte code)
    {
        var bits = ~code;
        var (segment, mantissa) = (bits >> 4 & 7, bits & 15);
        var magnitude = ((mantissa << 3) + MuBias << segment) - MuBias;
        return (short)((bits & 0x80) != 0 ? -magnitude : magnitude);
    }
}
