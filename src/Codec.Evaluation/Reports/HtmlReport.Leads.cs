using System.Globalization;
using Codec.Evaluation.Metrics;

namespace Codec.Evaluation.Reports;

/// <summary>The answer in a few lines: who leads at which rates, metric by metric.</summary>
internal sealed partial class HtmlReport
{
    private const int LeadingMetrics = 5;

    private void Leads()
    {
        var budgets = _comparison.Budgets();
        var metrics = Columns.Where(c => _report.Measured.Any(m => m.Metrics.ContainsKey(c.Name))).Take(LeadingMetrics).ToArray();
        if (budgets.Count == 0 || metrics.Length == 0 || _colours.Count < 2)
            return;
        _page.Append("<ul class='leads'>");
        foreach (var metric in metrics)
            _page.Append($"<li><b>{Escape(metric.Label)}</b><span>{string.Concat(Spans(budgets, metric).Select(Chip))}</span></li>");
        _page.Append("</ul>");
        Paragraph("Each box: the family that gives the best value within so many kbit/s on disk. <i>tied</i>: the best of another family is not significantly worse there (paired sign-flip test, 5 %).");
    }

    /// <summary>Neighbouring budgets with the same answer, joined.</summary>
    private List<(double From, double To, string Family, string? Tie)> Spans(IReadOnlyList<double> budgets, MetricColumn metric)
    {
        var spans = new List<(double From, double To, string Family, string? Tie)>();
        foreach (var budget in budgets)
        {
            if (_comparison.Winner(budget, metric) is not { } w)
                continue;
            var tie = w.Rival is not null && w.P > 0.05 ? w.Rival.Family : null;
            if (spans.Count > 0 && spans[^1].Family == w.Winner.Family && spans[^1].Tie == tie)
                spans[^1] = spans[^1] with { To = budget };
            else
                spans.Add((budget, budget, w.Winner.Family, tie));
        }
        return spans;
    }

    private string Chip((double From, double To, string Family, string? Tie) span)
    {
        string Rate(double v) => v.ToString("0.##", CultureInfo.InvariantCulture);
        var rates = span.From == span.To ? Rate(span.From) : $"{Rate(span.From)}&ndash;{Rate(span.To)}";
        return $"<span class='chip' style='border-left-color:{_colours[span.Family]}'><small>{rates} kbit/s</small> <b>{Escape(span.Family)}</b>{(span.Tie is null ? "" : $" <i>tied with {Escape(span.Tie)}</i>")}</span>";
    }
}
