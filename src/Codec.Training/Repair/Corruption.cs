using Codec.Speech.Repair;

namespace Codec.Training.Repair;

/// <summary>What a training sequence lacks.</summary>
internal static class Corruption
{
    // Rates, bursts and packets beyond those of the tests: gaps of one frame are easy and teach little.
    private const double LowestRate = 0.05, HighestRate = 0.4, LongestBurst = 4;
    private const int LongestPacket = 5, LongestEnd = 25;
    private const double EndShare = 0.3;

    /// <summary>Books of every frame that stay known.</summary>
    /// <param name="kind">What is trained.</param>
    /// <param name="books">K.</param>
    /// <param name="frames">T.</param>
    public static long[] Draw(RepairKind kind, int books, int frames, Random random)
    {
        var known = new long[frames];
        Array.Fill(known, kind == RepairKind.Fine ? random.Next(1, books) : random.Next(1, books + 1));
        if (kind == RepairKind.Fine)
            return known;
        var rate = LowestRate + (HighestRate - LowestRate) * random.NextDouble();
        var loss = new PacketLoss(rate, 1 + (LongestBurst - 1) * random.NextDouble(), random.Next(1, LongestPacket + 1));
        var lost = loss.Draw(frames, random);
        // A stream that cannot wait knows nothing after the gap.
        if (random.NextDouble() < EndShare)
            lost.AsSpan(frames - Math.Min(frames, random.Next(1, LongestEnd + 1))).Fill(true);
        for (var t = 0; t < frames; t++)
            known[t] = lost[t] ? 0 : known[t];
        return known;
    }
}
