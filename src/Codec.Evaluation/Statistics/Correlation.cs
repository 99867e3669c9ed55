namespace Codec.Evaluation.Statistics;

/// <summary>Correlation of paired values.</summary>
public static class Correlation
{
    /// <summary>Pearson's r; 1 where both are constant, 0 where only one is.</summary>
    public static double Pearson(IReadOnlyList<double> x, IReadOnlyList<double> y)
    {
        var (mx, my) = (x.Average(), y.Average());
        double xx = 0, yy = 0, xy = 0;
        for (var i = 0; i < x.Count; i++)
        {
            xx += (x[i] - mx) * (x[i] - mx);
            yy += (y[i] - my) * (y[i] - my);
            xy += (x[i] - mx) * (y[i] - my);
        }
        return xx > 0 && yy > 0 ? xy / Math.Sqrt(xx * yy) : xx == yy ? 1 : 0;
    }

    /// <summary>Spearman's rho, ties sharing their mean rank.</summary>
    public static double Spearman(IReadOnlyList<double> x, IReadOnlyList<double> y) => Pearson(Ranks(x), Ranks(y));

    private static double[] Ranks(IReadOnlyList<double> values)
    {
        var order = Enumerable.Range(0, values.Count).OrderBy(i => values[i]).ToArray();
        var ranks = new double[values.Count];
        for (var start = 0; start < order.Length;)
        {
            var end = start;
            while (end < order.Length && values[order[end]] == values[order[start]])
                end++;
            for (var k = start; k < end; k++)
                ranks[order[k]] = (start + end - 1) / 2.0;
            start = end;
        }
        return ranks;
    }
}
