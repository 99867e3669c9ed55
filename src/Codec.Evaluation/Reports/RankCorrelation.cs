using Codec.Evaluation.Metrics;
using Codec.Evaluation.Runs;

namespace Codec.Evaluation.Reports;

/// <summary>How well two metrics order the conditions alike: Spearman's rho, with better always counted upwards.</summary>
public sealed record RankCorrelation(string First, string Second, double Rho, int Conditions)
{
    private const int Fewest = 4;

    /// <summary>All pairs that enough conditions have in common.</summary>
    public static List<RankCorrelation> Between(IReadOnlyList<ConditionSummary> conditions, IReadOnlyList<MetricColumn> columns)
    {
        var result = new List<RankCorrelation>();
        for (var i = 0; i < columns.Count; i++)
            for (var j = i + 1; j < columns.Count; j++)
            {
                var (a, b) = (columns[i], columns[j]);
                var common = conditions.Where(c => c.Metrics.ContainsKey(a.Name) && c.Metrics.ContainsKey(b.Name)).ToArray();
                if (common.Length >= Fewest)
                    result.Add(new RankCorrelation(a.Name, b.Name, Statistics.Correlation.Spearman(
                        [.. common.Select(c => Sign(a) * c.Metrics[a.Name].Mean)],
                        [.. common.Select(c => Sign(b) * c.Metrics[b.Name].Mean)]), common.Length));
            }
        return result;
    }

    private static double Sign(MetricColumn column) => column.HigherIsBetter ? 1 : -1;
}
