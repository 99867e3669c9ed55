using Codec.Evaluation.Conditions;
using Codec.Evaluation.Metrics;
using Codec.Evaluation.Runs;
using Codec.Evaluation.Statistics;

namespace Codec.Evaluation.Reports;

/// <summary>Paired comparison of conditions: the same files, file by file.</summary>
internal sealed class Comparison(EvaluationReport report)
{
    private readonly Dictionary<string, Dictionary<string, EvaluationRow>> _rows = report.Rows
        .GroupBy(r => r.Condition).ToDictionary(g => g.Key, g => g.ToDictionary(r => r.File));

    /// <summary>Mean of a - b (counted so that positive is better) and its p-value over common files.</summary>
    public (double Difference, double P, int Files) Pair(string a, string b, MetricColumn column)
    {
        var differences = new List<double>();
        foreach (var (file, row) in _rows.GetValueOrDefault(a) ?? [])
            if (row.Values.TryGetValue(column.Name, out var x) && _rows.GetValueOrDefault(b)?.GetValueOrDefault(file) is { } other
                && other.Values.TryGetValue(column.Name, out var y))
                differences.Add(column.HigherIsBetter ? x - y : y - x);
        return differences.Count == 0 ? (0, 1, 0) : (differences.Average(), Bootstrap.SignFlip(differences), differences.Count);
    }

    /// <summary>Mean change of a metric against the untouched originals, on the files that both have; null where there are none.</summary>
    public double? AgainstOriginal(string condition, MetricColumn column)
        => Pair(condition, Control.Identity, column) is { Files: > 0 } pair ? (column.HigherIsBetter ? pair.Difference : -pair.Difference) : null;

    /// <summary>The best that a budget buys.</summary>
    /// <param name="Kbps">Budget.</param>
    /// <param name="Winner">Best condition within the budget.</param>
    /// <param name="Rival">Best of another family; null where there is none.</param>
    /// <param name="P">Of the difference to the rival.</param>
    public sealed record BudgetWinner(double Kbps, ConditionSummary Winner, ConditionSummary? Rival, double P);

    /// <summary>Budgets that the measured rates suggest.</summary>
    public IReadOnlyList<double> Budgets()
    {
        double[] steps = [0.75, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256, 512];
        var rates = report.Measured.Select(c => c.Kbps).OfType<double>().ToArray();
        return [.. steps.Where((s, i) => rates.Any(r => r <= s && (i == 0 || r > steps[i - 1])))];
    }

    /// <summary>The best condition for each budget; null where nothing fits.</summary>
    public BudgetWinner? Winner(double budget, MetricColumn column)
    {
        double Score(ConditionSummary c) => c.Metrics[column.Name].Mean * (column.HigherIsBetter ? 1 : -1);
        var fitting = report.Measured.Where(c => c.Kbps <= budget && c.Metrics.ContainsKey(column.Name)).OrderByDescending(Score).ToArray();
        if (fitting.Length == 0)
            return null;
        var rival = fitting.FirstOrDefault(c => Codec(c) != Codec(fitting[0]));
        return new BudgetWinner(budget, fitting[0], rival, rival is null ? 0 : Pair(fitting[0].Name, rival.Name, column).P);
    }

    /// <summary>With an asterisk: the same codec, measured elsewhere. Behind a comma: what of it is used.</summary>
    private static string Codec(ConditionSummary condition) => condition.Family.TrimEnd('*').Split(',')[0];

    /// <summary>Rate needed for the same quality, relative to an anchor family.</summary>
    public double? BdRate(string anchor, string family, MetricColumn column)
        => BjontegaardDelta.Rate(Curve(anchor, column), Curve(family, column), column.HigherIsBetter);

    public (double, double)[] Curve(string family, MetricColumn column)
        => [.. report.Measured.Where(c => c.Family == family && c.Kbps is not null && c.Metrics.ContainsKey(column.Name))
            .Select(c => (c.Kbps!.Value, c.Metrics[column.Name].Mean)).OrderBy(p => p.Item1)];
}
