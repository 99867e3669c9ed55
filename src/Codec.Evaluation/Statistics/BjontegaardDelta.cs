namespace Codec.Evaluation.Statistics;

/// <summary>Bjontegaard delta rate: mean difference of rate between two curves at equal quality.</summary>
public static class BjontegaardDelta
{
    /// <summary>
    /// Mean of rate(test) / rate(anchor) - 1 over the range of quality that both curves reach, with log rate as a monotone
    /// piecewise cubic of quality: -0.3 means that the test needs 30 % fewer bits.
    /// </summary>
    /// <returns>Null where a curve has fewer than two points or the qualities do not overlap.</returns>
    public static double? Rate(IReadOnlyList<(double Rate, double Quality)> anchor, IReadOnlyList<(double Rate, double Quality)> test, bool higherIsBetter)
    {
        var (a, t) = (Curve(anchor, higherIsBetter), Curve(test, higherIsBetter));
        if (a.Length < 2 || t.Length < 2)
            return null;
        var (low, high) = (Math.Max(a[0].Quality, t[0].Quality), Math.Min(a[^1].Quality, t[^1].Quality));
        if (high - low <= 1e-9)
            return null;
        const int steps = 200;
        var (slopesA, slopesT) = (Slopes(a), Slopes(t));
        double sum = 0;
        for (var i = 0; i < steps; i++)
        {
            var q = low + (high - low) * (i + 0.5) / steps;
            sum += Value(t, slopesT, q) - Value(a, slopesA, q);
        }
        return Math.Exp(sum / steps) - 1;
    }

    /// <summary>Points whose quality rises with the rate; a point that costs more for less is left out.</summary>
    private static (double Quality, double LogRate)[] Curve(IReadOnlyList<(double Rate, double Quality)> points, bool higherIsBetter)
    {
        var kept = new List<(double Quality, double LogRate)>();
        foreach (var (rate, quality) in points.Where(p => p.Rate > 0).OrderBy(p => p.Rate))
        {
            var q = higherIsBetter ? quality : -quality;
            if (kept.Count == 0 || q > kept[^1].Quality + 1e-9)
                kept.Add((q, Math.Log(rate)));
        }
        return [.. kept];
    }

    /// <summary>Fritsch-Carlson slopes: no overshoot.</summary>
    private static double[] Slopes((double Quality, double LogRate)[] p)
    {
        var secants = Enumerable.Range(0, p.Length - 1)
            .Select(i => (p[i + 1].LogRate - p[i].LogRate) / (p[i + 1].Quality - p[i].Quality)).ToArray();
        var slopes = new double[p.Length];
        (slopes[0], slopes[^1]) = (secants[0], secants[^1]);
        for (var i = 1; i < p.Length - 1; i++)
            slopes[i] = secants[i - 1] * secants[i] <= 0 ? 0 : 2 / (1 / secants[i - 1] + 1 / secants[i]);
        return slopes;
    }

    private static double Value((double Quality, double LogRate)[] p, double[] slopes, double q)
    {
        var i = 0;
        while (i < p.Length - 2 && q > p[i + 1].Quality)
            i++;
        var h = p[i + 1].Quality - p[i].Quality;
        var u = (q - p[i].Quality) / h;
        return (1 + 2 * u) * (1 - u) * (1 - u) * p[i].LogRate + u * (1 - u) * (1 - u) * h * slopes[i]
             + u * u * (3 - 2 * u) * p[i + 1].LogRate - u * u * (1 - u) * h * slopes[i + 1];
    }
}
