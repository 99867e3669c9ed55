namespace Codec.Core.Bitstream.Prediction;

/// <summary>Log odds and back in integers: odds in units of 2^-10 of a factor of two, probabilities in units of 2^-16.</summary>
internal static class Logistic
{
    /// <summary>Odds lie in [-Limit, Limit].</summary>
    public const int Limit = 12 << 10;

    private const int Step = 4; // odds per table entry

    private static readonly ushort[] Probabilities = MakeProbabilities();
    private static readonly short[] Odds = MakeOdds();

    /// <summary>1 / (1 + 2^(-odds)), from 16 to 65520.</summary>
    public static int Squash(int odds) => Probabilities[(Math.Clamp(odds, -Limit, Limit) + Limit) / Step];

    /// <summary>log2(p / (1 - p)) of a probability from 0 to 65535.</summary>
    public static int Stretch(int probability) => Odds[probability >> 4];

    private static ushort[] MakeProbabilities()
    {
        var table = new ushort[2 * Limit / Step + 1];
        for (var i = 0; i < table.Length; i++)
        {
            var odds = i * Step - Limit;
            // p = 2^odds / (1 + 2^odds), both scaled by 2^32.
            var power = FixedPointSoftmax.PowerOfTwo(odds);
            table[i] = (ushort)Math.Clamp((long)((UInt128)power * 65536 / (power + (1UL << 32))), 16, 65520);
        }
        return table;
    }

    private static short[] MakeOdds()
    {
        var table = new short[4096];
        var odds = -Limit;
        for (var i = 0; i < table.Length; i++)
        {
            while (odds < Limit && Squash(odds) < 16 * i + 8)
                odds += Step;
            table[i] = (short)odds;
        }
        return table;
    }
}
