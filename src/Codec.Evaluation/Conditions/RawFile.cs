using System.Buffers.Binary;

namespace Codec.Evaluation.Conditions;

/// <summary>Headerless 16-bit little-endian mono, as Codec2's programs read and write it.</summary>
internal static class RawFile
{
    public static void Write(string path, ReadOnlySpan<float> samples)
    {
        var bytes = new byte[2 * samples.Length];
        for (var i = 0; i < samples.Length; i++)
            BinaryPrimitives.WriteInt16LittleEndian(bytes.AsSpan(2 * i), (short)Math.Clamp(Math.Round(samples[i] * 32768f), short.MinValue, short.MaxValue));
        File.WriteAllBytes(path, bytes);
    }

    public static float[] Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var samples = new float[bytes.Length / 2];
        for (var i = 0; i < samples.Length; i++)
            samples[i] = BinaryPrimitives.ReadInt16LittleEndian(bytes.AsSpan(2 * i)) / 32768f;
        return samples;
    }
}
