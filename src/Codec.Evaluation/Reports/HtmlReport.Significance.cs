using Codec.Evaluation.Metrics;
using Codec.Evaluation.Runs;

namespace Codec.Evaluation.Reports;

/// <summary>Who beats whom by more than chance, for the first metrics of the run.</summary>
internal sealed partial class HtmlReport
{
    private const int SignificanceMetrics = 4, SignificanceConditions = 28;

    private void Significance()
    {
        var columns = Columns.Where(column => Ranked(column).Length > 1).Take(SignificanceMetrics).ToArray();
        if (columns.Length == 0)
            return;
        Section("Who beats whom", "Row against column on the same files, best on top. + better, &minus; worse, = no significant difference (paired sign-flip test with Holm's correction, 5 %). Hover for figures.");
        foreach (var column in columns)
            SignificanceMatrix(column, Ranked(column));
    }

    /// <summary>Best first.</summary>
    private ConditionSummary[] Ranked(MetricColumn column)
        => [.. _report.Measured.Where(c => c.Metrics.ContainsKey(column.Name))
            .OrderByDescending(c => c.Metrics[column.Name].Mean * (column.HigherIsBetter ? 1 : -1)).Take(SignificanceConditions)];

    private void SignificanceMatrix(MetricColumn column, ConditionSummary[] conditions)
    {
        var tests = new Dictionary<(int, int), (double Difference, double P, int Files)>();
        for (var i = 0; i < conditions.Length; i++)
            for (var j = i + 1; j < conditions.Length; j++)
                tests[(i, j)] = _comparison.Pair(conditions[i].Name, conditions[j].Name, column);
        var rejected = Holm(tests.ToDictionary(t => t.Key, t => t.Value.P));
        _page.Append($"<details{(column == _report.Main ? " open" : "")}><summary>{Escape(column.Label)}</summary><div class='wide'><table class='sig'><tr><th>");
        foreach (var c in conditions)
            _page.Append($"<th class='up'><span>{Escape(c.Name)}</span>");
        for (var i = 0; i < conditions.Length; i++)
        {
            _page.Append($"<tr><th>{Escape(conditions[i].Name)}");
            for (var j = 0; j < conditions.Length; j++)
                _page.Append(i == j ? "<td class='self'>" : Verdict(i < j ? tests[(i, j)] : Reversed(tests[(j, i)]), rejected.Contains((Math.Min(i, j), Math.Max(i, j)))));
        }
        _page.Append("</table></div></details>");
    }

    private static (double Difference, double P, int Files) Reversed((double Difference, double P, int Files) test) => test with { Difference = -test.Difference };

    private static string Verdict((double Difference, double P, int Files) test, bool significant)
    {
        var (sign, kind) = !significant ? ("=", "tie") : test.Difference > 0 ? ("+", "good") : ("&minus;", "poor");
        return $"<td class='{kind}' title='{Number(test.Difference, 4)}, p = {Number(test.P, 4)}, {test.Files} files'>{sign}";
    }

    /// <summary>Step-down rejection at 5 % over all pairs.</summary>
    private static HashSet<(int, int)> Holm(Dictionary<(int, int), double> p)
    {
        var rejected = new HashSet<(int, int)>();
        var left = p.Count;
        foreach (var (pair, value) in p.OrderBy(x => x.Value))
        {
            if (value > 0.05 / left)
                break;
            rejected.Add(pair);
            left--;
        }
        return rejected;
    }
}
