using static TorchSharp.torch;

namespace Codec.Core.Codecs.Snac;

/// <summary>
/// Standard normal noise as a function of seed, decoder block and position in the stream: decoding in chunks, in batches
/// or twice gives the same noise.
/// </summary>
public sealed class NoiseSource(ulong seed)
{
    /// <param name="block">Which decoder block.</param>
    /// <param name="first">Position of the first value, in samples at the rate of the block.</param>
    /// <param name="count">How many.</param>
    /// <returns>[1, 1, count].</returns>
    public Tensor Block(int block, long first, int count)
    {
        var values = new float[count];
        for (var i = 0; i < count; i++)
        {
            var bits = Mix(seed ^ Mix((ulong)block + 1) ^ Mix((ulong)(first + i)));
            // Box-Muller with two 32-bit uniforms; the first lies in (0, 1].
            var radius = Math.Sqrt(-2 * Math.Log(((bits >> 32) + 1.0) / 4294967296.0));
            values[i] = (float)(radius * Math.Cos(2 * Math.PI * ((uint)bits / 4294967296.0)));
        }
        return tensor(values, [1, 1, count]);
    }

    /// <summary>SplitMix64 (Steele et al. 2014).</summary>
    private static ulong Mix(ulong x)
    {
        x += 0x9E3779B97F4A7C15;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
        return x ^ (x >> 31);
    }
}
