namespace Codec.Speech.Sampling;

/// <summary>
/// Uniform numbers as a pure function of (seed, index): one session draws the same numbers alone or in a batch,
/// and a rewound session draws them again (counter-based generator: SplitMix64's finaliser over seed and index).
/// </summary>
public readonly record struct SeededUniforms(ulong Seed)
{
    /// <summary>In [0, 1), 53 bits.</summary>
    public double this[long index] => (Mix(Mix(Seed + 0x9E3779B97F4A7C15) ^ ((ulong)index * 0xD1B54A32D192ED03)) >> 11) * (1.0 / (1UL << 53));

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
