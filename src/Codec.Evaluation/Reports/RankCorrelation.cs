using Codec.Evaluation.Metrics;
using Codec.Evaluation.Runs;

namespace Codec.Evaluation.Reports;

/// <summary>
/// How well two metrics order the conditions alike: Spearman's rho between means over the files that have both values, better always
/// counted upwards.
/// </summary>
public sealed record RankCorrelation(string First, string Second, double Rho, int Conditions)
{
    private const int Fewest = 4;

    /// <summary>All pairs that enough conditions have in common.</summary>
    /// <param name="conditions">Names of those that count.</param>
    /// <param name="columns">Metrics.</param>
    /// <param name="rows">Of the run.</param>
    public static List<RankCorrelation> Between(IReadOnlyCollection<string> conditions, IReadOnlyList<MetricColumn> columns, IReadOnlyList<EvaluationRow> rows)
    {
        var byCondition = rows.Where(r => conditions.Contains(r.Condition)).GroupBy(r => r.Condition).Select(g => g.ToArray()).ToArray();
        var result = new List<RankCorrelation>();
        for (var i = 0; i < columns.Count; i++)
            for (var j = i + 1; j < columns.Count; j++)
            {
                var (a, b) = (columns[i], columns[j]);
                var means = byCondition.Select(g => Means(g, a, b)).OfType<(double A, double B)>().ToArray();
                if (means.Length >= Fewest)
                    result.Add(new RankCorrelation(a.Name, b.Name, Statistics.Correlation.Spearman(
                        [.. means.Select(m => m.A)], [.. means.Select(m => m.B)]), means.Length));
            }
        return result;
    }

    /// <summary>Of one condition, over common files; null where there are none.</summary>
    internal static (double A, double B)? Means(IEnumerable<EvaluationRow> rows, MetricColumn a, MetricColumn b)
    {
        var common = rows.Where(r => r.Values.ContainsKey(a.Name) && r.Values.ContainsKey(b.Name)).ToArray();
        return common.Length == 0 ? null : (Sign(a) * common.Average(r => r.Values[a.Name]), Sign(b) * common.Average(r => r.Values[b.Name]));
    }

    private static double Sign(MetricColumn column) => column.HigherIsBetter ? 1 : -1;
}
