namespace Codec.Evaluation.Statistics;

/// <summary>A mean with its 95 % interval.</summary>
public sealed record Interval(double Mean, double Low, double High, int Count);

/// <summary>Resampling over files: deterministic, seeded.</summary>
public static class Bootstrap
{
    private const int Rounds = 1000, Seed = 20240601;

    /// <summary>Mean and percentile interval over resampled files; null without values.</summary>
    public static Interval? Mean(IReadOnlyList<double> values)
    {
        if (values.Count == 0)
            return null;
        var random = new Random(Seed);
        var means = new double[Rounds];
        for (var round = 0; round < Rounds; round++)
        {
            double sum = 0;
            for (var i = 0; i < values.Count; i++)
                sum += values[random.Next(values.Count)];
            means[round] = sum / values.Count;
        }
        Array.Sort(means);
        return new Interval(values.Average(), means[(int)(Rounds * 0.025)], means[(int)(Rounds * 0.975) - 1], values.Count);
    }

    /// <summary>Two-sided p-value of the mean of paired differences by random sign flips: enough of them for Holm's correction over all pairs of 30 conditions.</summary>
    public static double SignFlip(IReadOnlyList<double> differences)
    {
        const int flips = 20000;
        if (differences.Count == 0)
            return 1;
        var observed = Math.Abs(differences.Sum());
        var random = new Random(Seed);
        var extreme = 1; // the observed signs are one of the possibilities
        for (var round = 0; round < flips; round++)
        {
            double sum = 0;
            long signs = 0;
            for (var i = 0; i < differences.Count; i++, signs >>= 1)
            {
                if (i % 62 == 0)
                    signs = random.NextInt64();
                sum += (signs & 1) == 0 ? differences[i] : -differences[i];
            }
            if (Math.Abs(sum) >= observed * (1 - 1e-12))
                extreme++;
        }
        return (double)extreme / (flips + 1);
    }
}
