using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Codec.Core.Kernels;

/// <summary>
/// Per-channel values repeated so that a vector loaded at any flat index of a [T, C] array meets its channels:
/// period lcm(C, 16), and one vector more for the wrap.
/// </summary>
internal static class ChannelPattern
{
    public const int Lanes = 16;

    /// <summary>lcm(channels, 16).</summary>
    public static int Period(int channels) => channels / (int)System.Numerics.BigInteger.GreatestCommonDivisor(channels, Lanes) * Lanes;

    /// <summary>[period + Lanes] values; element i is that of channel i mod C.</summary>
    public static float[] Of(ReadOnlySpan<float> channels)
    {
        var pattern = new float[Period(channels.Length) + Lanes];
        for (var i = 0; i < pattern.Length; i++)
            pattern[i] = channels[i % channels.Length];
        return pattern;
    }

    /// <summary>The float32 memory of a CPU tensor whose elements lie without gaps.</summary>
    public static unsafe float* Pointer(Tensor x) => (float*)System.Runtime.CompilerServices.Unsafe.AsPointer(
        ref MemoryMarshal.GetReference(MemoryMarshal.Cast<byte, float>(x.bytes)));

    /// <summary>Copies the numbers of a small tensor in their logical order.</summary>
    public static float[] Values(Tensor x)
    {
        using var scope = NewDisposeScope();
        return MemoryMarshal.Cast<byte, float>(x.detach().to(float32).cpu().contiguous().bytes).ToArray();
    }
}
