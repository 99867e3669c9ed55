namespace Codec.Core.Bitstream.Prediction;

/// <summary>Counts sizes and signs in the contexts of <see cref="LowbandBlock"/>. What came too rarely follows a Laplacian of the level's size.</summary>
internal sealed class LowbandCounts
{
    private const int Symbols = LowbandTables.Symbols, Levels = LowbandBlock.Levels;
    private const int Laplacian = 30;   // as many more counts
    private const double SignCounts = 2, Total = 1 << 15;

    private readonly double[] _means = [.. Enumerable.Range(0, Levels).Select(level => Sizes(level).Select((p, size) => p * size).Sum() * Laplacian)];
    private readonly double[] _seen = [.. Enumerable.Repeat((double)Laplacian, Levels)];
    private readonly double[] _sizes = new double[Levels * LowbandBlock.Ratios * Symbols];
    private readonly double[] _signs = new double[LowbandBlock.SignContexts * 2];

    /// <summary>Of each level, in units of 2^-<see cref="LowbandBlock.ExpectedBits"/>.</summary>
    public int[] Expected() => [.. _means.Zip(_seen, (sum, count) => (int)Math.Round(sum / count * (1 << LowbandBlock.ExpectedBits)))];

    /// <summary>The first of two rounds: how large coefficients of a level are.</summary>
    public void AddSize(int level, int size)
    {
        _means[level] += size;
        _seen[level]++;
    }

    /// <summary>The second round.</summary>
    public void Add(int table, int size) => _sizes[table * Symbols + Math.Min(size, Symbols - 1)]++;

    /// <summary>As the other, of a sign.</summary>
    public void AddSign(int context, bool positive) => _signs[2 * context + (positive ? 1 : 0)]++;

    public LowbandTables ToTables()
    {
        var frequencies = new uint[_sizes.Length];
        for (var level = 0; level < Levels; level++)
        {
            var tables = Enumerable.Range(level * LowbandBlock.Ratios, LowbandBlock.Ratios).Select(table => _sizes.AsSpan(table * Symbols, Symbols).ToArray()).ToArray();
            var all = Mixed([.. Enumerable.Range(0, Symbols).Select(symbol => tables.Sum(table => table[symbol]))], Tails(Sizes(level)));
            for (var ratio = 0; ratio < tables.Length; ratio++)
            {
                var shares = Mixed(tables[ratio], all);
                for (var symbol = 0; symbol < Symbols; symbol++)
                    frequencies[(level * tables.Length + ratio) * Symbols + symbol] = 1 + (uint)Math.Round(shares[symbol] * (Total - Symbols));
            }
        }
        byte[] signs = [.. Enumerable.Range(0, LowbandBlock.SignContexts).Select(context =>
            (byte)Math.Min(255, 256 * (_signs[2 * context + 1] + SignCounts) / (_signs[2 * context] + _signs[2 * context + 1] + 2 * SignCounts)))];
        return new LowbandTables(frequencies, Expected(), signs);
    }

    private static double[] Mixed(double[] counts, double[] shares)
    {
        var total = counts.Sum() + Laplacian;
        return [.. counts.Zip(shares, (count, share) => (count + Laplacian * share) / total)];
    }

    /// <summary>All above the last symbol counted as that one.</summary>
    private static double[] Tails(double[] sizes) => [.. sizes.Take(Symbols - 1), sizes.Skip(Symbols - 1).Sum()];

    /// <summary>Shares of sizes 0, 1, 2 ... of a Laplacian as it is rounded: of 1 or more from 0.7 on.</summary>
    private static double[] Sizes(int level)
    {
        double Above(int size) => size == 0 ? 1 : Math.Exp((LowbandBooks.Rounding - size) / LowbandBlock.SizeOf(level));
        return [.. Enumerable.Range(0, LowbandBooks.MostSteps + 1).Select(size => Above(size) - Above(size + 1))];
    }
}
