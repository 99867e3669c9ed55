namespace Codec.Training.Data;

/// <summary>Random numbers that depend on a seed, a step and a purpose alone: nothing to save, exact resume.</summary>
public static class Seeds
{
    public static Random Random(int seed, long step, string purpose)
    {
        // FNV-1a over the three: string.GetHashCode differs from process to process.
        var hash = 14695981039346656037UL;
        foreach (var c in FormattableString.Invariant($"{seed}/{step}/{purpose}"))
            hash = (hash ^ c) * 1099511628211UL;
        return new Random((int)(hash ^ hash >> 32));
    }

    /// <summary>Standard normal by Box-Muller.</summary>
    public static double Gaussian(Random random)
        => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
