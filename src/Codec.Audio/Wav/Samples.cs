using System.Buffers.Binary;

namespace Codec.Audio.Wav;

/// <summary>Conversion between the bytes of a file and samples in [-1, 1].</summary>
internal static class Samples
{
    public static int Bytes(SampleEncoding encoding) => encoding switch
    {
        SampleEncoding.Pcm16 => 2,
        SampleEncoding.Pcm24 => 3,
        SampleEncoding.Pcm32 or SampleEncoding.Float32 => 4,
        SampleEncoding.Float64 => 8,
        _ => 1,
    };

    /// <summary>Full scale maps to 1; floats pass unchanged.</summary>
    public static void Decode(SampleEncoding encoding, ReadOnlySpan<byte> bytes, Span<float> samples)
    {
        switch (encoding)
        {
            case SampleEncoding.Pcm8:
                for (var i = 0; i < samples.Length; i++)
                    samples[i] = (bytes[i] - 128) / 128f;
                break;
            case SampleEncoding.Pcm16:
                for (var i = 0; i < samples.Length; i++)
                    samples[i] = BinaryPrimitives.ReadInt16LittleEndian(bytes[(2 * i)..]) / 32768f;
                break;
            case SampleEncoding.Pcm24:
                for (var i = 0; i < samples.Length; i++)
                    samples[i] = (bytes[3 * i] | bytes[3 * i + 1] << 8 | (sbyte)bytes[3 * i + 2] << 16) / 8388608f;
                break;
            case SampleEncoding.Pcm32:
                for (var i = 0; i < samples.Length; i++)
                    samples[i] = BinaryPrimitives.ReadInt32LittleEndian(bytes[(4 * i)..]) / 2147483648f;
                break;
            case SampleEncoding.Float32:
                for (var i = 0; i < samples.Length; i++)
                    samples[i] = BinaryPrimitives.ReadSingleLittleEndian(bytes[(4 * i)..]);
                break;
            case SampleEncoding.Float64:
                for (var i = 0; i < samples.Length; i++)
                    samples[i] = (float)BinaryPrimitives.ReadDoubleLittleEndian(bytes[(8 * i)..]);
                break;
            default:
                var table = encoding == SampleEncoding.ALaw ? G711.ALaw : G711.MuLaw;
                for (var i = 0; i < samples.Length; i++)
                    samples[i] = table[bytes[i]] / 32768f;
                break;
        }
    }

    /// <summary>Rounds to the nearest step and clips to full scale; not-a-number becomes silence. Floats pass unchanged.</summary>
    public static void Encode(SampleEncoding encoding, ReadOnlySpan<float> samples, Span<byte> bytes)
    {
        switch (encoding)
        {
            case SampleEncoding.Pcm8:
                for (var i = 0; i < samples.Length; i++)
                    bytes[i] = (byte)(Quantize(samples[i], 128) + 128);
                break;
            case SampleEncoding.Pcm16:
                for (var i = 0; i < samples.Length; i++)
                    BinaryPrimitives.WriteInt16LittleEndian(bytes[(2 * i)..], (short)Quantize(samples[i], 32768));
                break;
            case SampleEncoding.Pcm24:
                for (var i = 0; i < samples.Length; i++)
                {
                    var value = Quantize(samples[i], 8388608);
                    (bytes[3 * i], bytes[3 * i + 1], bytes[3 * i + 2]) = ((byte)value, (byte)(value >> 8), (byte)(value >> 16));
                }
                break;
            case SampleEncoding.Pcm32:
                for (var i = 0; i < samples.Length; i++)
                    BinaryPrimitives.WriteInt32LittleEndian(bytes[(4 * i)..], Quantize(samples[i], 2147483648));
                break;
            case SampleEncoding.Float32:
                for (var i = 0; i < samples.Length; i++)
                    BinaryPrimitives.WriteSingleLittleEndian(bytes[(4 * i)..], samples[i]);
                break;
            case SampleEncoding.Float64:
                for (var i = 0; i < samples.Length; i++)
                    BinaryPrimitives.WriteDoubleLittleEndian(bytes[(8 * i)..], samples[i]);
                break;
            default:
                for (var i = 0; i < samples.Length; i++)
                    bytes[i] = G711.Encode(encoding, (short)Quantize(samples[i], 32768));
                break;
        }
    }

    private static int Quantize(double sample, double scale)
        => double.IsNaN(sample) ? 0 : (int)Math.Clamp(Math.Round(sample * scale), -scale, scale - 1);
}
