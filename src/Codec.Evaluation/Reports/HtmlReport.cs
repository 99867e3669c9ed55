using System.Globalization;
using System.Text;
using Codec.Evaluation.Metrics;
using Codec.Evaluation.Runs;

namespace Codec.Evaluation.Reports;

/// <summary>One page that needs nothing else: no script, no network, charts and audio inside.</summary>
internal sealed partial class HtmlReport
{
    private const int Charts = 6;
    private const int FewestForSignificance = 6; // 2 of 2^n sign patterns are as extreme as all alike
    private const string NavigationMark = "<!--navigation-->";
    private static readonly string[] Palette =
        ["#d62f4b", "#1f6fd1", "#2a9d5c", "#e08a00", "#7b4fc9", "#00939c", "#9c6b3f", "#c2409b", "#5f6b7a", "#7a8f00"];

    private readonly EvaluationReport _report;
    private readonly Comparison _comparison;
    private readonly StringBuilder _page = new();
    private readonly Dictionary<string, string> _colours = [];
    private readonly List<string> _sections = [];

    private HtmlReport(EvaluationReport report)
    {
        _report = report;
        _comparison = new Comparison(report);
        var families = report.Measured.Select(c => c.Family).Concat(report.ExtraPoints.Select(p => p.Family)).Distinct()
            .OrderBy(f => f != "native").ToArray();
        foreach (var family in families)
            _colours[family] = _colours.FirstOrDefault(c => !family.Contains(',') && family.StartsWith(c.Key, StringComparison.OrdinalIgnoreCase)) is { Key: not null } known
                ? known.Value : Palette[_colours.Values.Distinct().Count() % Palette.Length]; // the same codec elsewhere has the same colour
    }

    private IEnumerable<MetricColumn> Columns => _report.Metrics.Select(m => m.Column);

    /// <summary>Writes the page.</summary>
    public static string Write(EvaluationReport report, IReadOnlyList<ListeningExample> examples)
    {
        var html = new HtmlReport(report);
        html.Head();
        html.Leads();
        html._page.Append(NavigationMark);
        html.RateCharts();
        html.Winners();
        html.Perception();
        html.ConditionTable();
        html.BdRates();
        html.Significance();
        html.Scatter();
        html.Examples(examples);
        html.Costs();
        html.Books();
        html.Correlations();
        html.Fineprint();
        html._page.Replace(NavigationMark, html.Navigation());
        return html._page.Append("</main></body></html>").ToString();
    }

    private void Head()
    {
        _page.Append("<!doctype html><html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width'><title>Codec evaluation</title><style>")
            .Append(HtmlStyle.Css).Append("</style></head><body><main><h1>Which codec is better where</h1>");
        var measured = _report.Measured.Count();
        Paragraph($"{measured} conditions on {_report.Files} files, {Number(_report.Seconds / 60, 1)} minutes of audio (folder <code>{Escape(Path.GetFileName(Path.TrimEndingDirectorySeparator(_report.Reference)))}</code>). "
            + "Rates are bits on disk, container and all. Bars and brackets: 95 % bootstrap intervals over files.");
        if (_report.Files < FewestForSignificance)
            Paragraph($"<b>{_report.Files} files are too few:</b> with fewer than {FewestForSignificance} no paired test can tell two conditions apart at 5 %, so that everything below is a tie.");
        if (_report.Measured.Any(c => c.Family.EndsWith('*')))
            Paragraph("An asterisk: figures that others measured on the same files; they are compared like ours.");
        _page.Append(_report.Valid
            ? "<p class='ok'>Controls passed: identity, one-sample shift, low-pass, noise and silence came out as they must.</p>"
            : "<div class='bad'><b>INVALID REPORT.</b> Controls came out wrong:<ul>" + string.Concat(_report.ControlFailures.Select(f => $"<li>{Escape(f)}</li>")) + "</ul></div>");
        foreach (var (name, problem) in _report.Absent)
            _page.Append($"<p class='note'>{Escape(name)} was not measured: {Escape(problem)}</p>");
    }

    /// <summary>The answer in one table: who wins with how many bits, and whether that is more than chance.</summary>
    private void Winners()
    {
        var metrics = Columns.Where(c => _report.Measured.Any(m => m.Metrics.ContainsKey(c.Name))).Take(4).ToArray();
        var budgets = _comparison.Budgets();
        if (budgets.Count == 0 || metrics.Length == 0)
            return;
        Section("Best for your budget", "The best condition that fits each rate. <i>tie</i>: the best of another family is not significantly worse (paired sign-flip test, p &gt; 0.05).");
        _page.Append("<div class='wide'><table class='win'><tr><th>up to</th>");
        foreach (var metric in metrics)
            _page.Append($"<th>{Escape(metric.Label)}</th>");
        foreach (var budget in budgets)
        {
            _page.Append($"</tr><tr><th>{budget.ToString("0.##", CultureInfo.InvariantCulture)} kbit/s</th>");
            foreach (var metric in metrics)
                _page.Append(WinnerCell(_comparison.Winner(budget, metric), metric));
        }
        _page.Append("</tr></table></div>");
    }

    private string WinnerCell(Comparison.BudgetWinner? w, MetricColumn metric)
    {
        if (w is null)
            return "<td></td>";
        var rival = w.Rival is null ? "only family"
            : $"{(w.P > 0.05 ? "tie with" : "next")} {w.Rival.Name} {Value(w.Rival, metric)}";
        return $"<td style='border-left:6px solid {_colours[w.Winner.Family]}'><b>{Escape(w.Winner.Name)}</b> <span class='v'>{Value(w.Winner, metric)}</span>"
            + $"<small>{Fixed(w.Winner.Kbps, 1)} kbit/s &middot; {Escape(rival)}</small></td>";
    }

    private void RateCharts()
    {
        Section("Quality against rate", _report.ExtraPoints.Count > 0 ? "Hollow points and an asterisk: measured elsewhere, on other files; for orientation only." : "");
        _page.Append("<div class='charts'>");
        foreach (var column in Columns.Take(Charts))
            _page.Append("<figure>").Append(Svg.RateChart(column.Label, column.HigherIsBetter, [.. Series(column)], column.Best)).Append("</figure>");
        _page.Append("</div>");
    }

    private IEnumerable<ChartSeries> Series(MetricColumn column)
    {
        foreach (var family in _report.Measured.Where(c => c.Kbps is not null && c.Metrics.ContainsKey(column.Name)).GroupBy(c => c.Family))
            yield return new ChartSeries(family.Key, _colours[family.Key], [.. family.OrderBy(c => c.Kbps).Select(c => c.Metrics[column.Name] is var v
                ? new ChartPoint(c.Kbps!.Value, v.Mean, v.Low, v.High, $"{c.Name}: {Value(c, column)} at {Number(c.Kbps, 2)} kbit/s, {v.Count} files") : null!)]);
        var highest = 1.5 * _report.Measured.Max(c => c.Kbps); // what lies far beyond the measured rates would only squeeze the chart
        foreach (var family in _report.ExtraPoints.Where(p => p.Values.ContainsKey(column.Name) && p.Kbps <= (highest ?? p.Kbps)).GroupBy(p => p.Family))
            yield return new ChartSeries(family.Key, _colours[family.Key], [.. family.OrderBy(p => p.Kbps).Select(p => p.Values[column.Name] is var v
                ? new ChartPoint(p.Kbps, v, v, v, $"{p.Name}: {Number(v, 3)} at {Number(p.Kbps, 2)} kbit/s (not measured here)") : null!)], Hollow: true);
    }

    private void ConditionTable()
    {
        Section("All conditions", "Means; darker is better within a column. Hover a cell for its interval. Empty cells: see the end of the page.");
        _page.Append("<div class='wide'><table class='num'><tr><th>condition<th>kbit/s<th>nominal<th>shift ms<th>gain dB");
        foreach (var column in Columns)
            _page.Append($"<th>{Escape(column.Label)}");
        foreach (var c in _report.Conditions)
        {
            _page.Append($"<tr{(c.IsControl ? " class='control'" : "")}><th>{Escape(c.Name)}<td>{Fixed(c.Kbps, 2)}<td>{Number(c.NominalKbps, 2)}<td>{Fixed(c.ShiftMilliseconds, 1)}<td>{Fixed(c.GainDecibels, 1)}");
            foreach (var column in Columns)
                _page.Append(c.Metrics.TryGetValue(column.Name, out var v)
                    ? $"<td{(c.IsControl ? "" : $" style='background:rgba(42,157,92,{Shade(column, v.Mean)})'")} title='{Number(v.Low, column.Decimals)} to {Number(v.High, column.Decimals)}, {v.Count} files'>{v.Mean.ToString("F" + column.Decimals, CultureInfo.InvariantCulture)}"
                    : "<td class='none'>");
        }
        _page.Append("</table></div>");
    }

    private string Shade(MetricColumn column, double value)
    {
        var all = _report.Measured.Where(c => c.Metrics.ContainsKey(column.Name)).Select(c => c.Metrics[column.Name].Mean).ToArray();
        if (all.Length < 2 || all.Max() <= all.Min())
            return "0";
        var share = Math.Clamp((value - all.Min()) / (all.Max() - all.Min()), 0, 1);
        return Number(0.5 * (column.HigherIsBetter ? share : 1 - share), 2);
    }

    private void BdRates()
    {
        var families = _report.Measured.Where(c => c.Kbps is not null).GroupBy(c => c.Family).Where(g => g.Count() > 1).Select(g => g.Key).ToArray();
        if (families.Length < 2)
            return;
        var anchor = families.Contains("opus") ? "opus" : families[^1];
        Section($"Bits for equal quality (BD-rate against {anchor})", $"Negative: fewer bits than {Escape(anchor)} for the same value, averaged over the range that both reach. Empty: the ranges do not overlap.");
        _page.Append("<div class='wide'><table class='num'><tr><th>family");
        foreach (var column in Columns)
            _page.Append($"<th>{Escape(column.Label)}");
        foreach (var family in families.Where(f => f != anchor))
        {
            _page.Append($"<tr><th>{Escape(family)}");
            foreach (var column in Columns)
                _page.Append(_comparison.BdRate(anchor, family, column) is { } rate
                    ? $"<td class='{(rate < 0 ? "good" : "poor")}'>{(100 * rate).ToString("+0;-0;0", CultureInfo.InvariantCulture)} %" : "<td class='none'>");
        }
        _page.Append("</table></div>");
    }

    private void Scatter()
    {
        var columns = Columns.Where(c => _report.Measured.Any(m => m.Metrics.ContainsKey(c.Name))).Take(3).ToArray();
        if (columns.Length < 2)
            return;
        Section("Every file", "One point for each file and condition. Hover for its name.");
        _page.Append("<div class='charts'>");
        foreach (var x in columns.Skip(1))
            _page.Append("<figure>").Append(Svg.Scatter(x.Label, columns[0].Label, [.. ScatterSeries(x, columns[0])])).Append("</figure>");
        _page.Append("</div>");
    }

    private IEnumerable<ChartSeries> ScatterSeries(MetricColumn x, MetricColumn y)
    {
        var families = _report.Measured.ToDictionary(c => c.Name, c => c.Family);
        return _report.Rows.Where(r => families.ContainsKey(r.Condition) && r.Values.ContainsKey(x.Name) && r.Values.ContainsKey(y.Name))
            .GroupBy(r => families[r.Condition])
            .Select(g => new ChartSeries(g.Key, _colours[g.Key], [.. g.Select(r => new ChartPoint(r.Values[x.Name], r.Values[y.Name], 0, 0,
                $"{r.Condition}, {r.File}: {y.Label} {Number(r.Values[y.Name], 3)}, {x.Label} {Number(r.Values[x.Name], 3)}"))]));
    }

    private void Section(string title, string note)
    {
        _sections.Add(title);
        _page.Append($"<h2 id='s{_sections.Count}'>{Escape(title)}</h2>");
        if (note.Length > 0)
            Paragraph(note);
    }

    private string Navigation() => $"<nav>{string.Concat(_sections.Select((title, i) => $"<a href='#s{i + 1}'>{Escape(title)}</a>"))}</nav>";

    private void Paragraph(string html) => _page.Append($"<p class='note'>{html}</p>");

    private static string Value(ConditionSummary c, MetricColumn column) => c.Metrics[column.Name].Mean.ToString("F" + Math.Min(3, column.Decimals), CultureInfo.InvariantCulture);

    private static string Number(double? value, int decimals)
        => value is { } v && double.IsFinite(v) ? v.ToString(decimals == 0 ? "0" : "0." + new string('0', Math.Min(1, decimals)) + new string('#', Math.Max(0, decimals - 1)), CultureInfo.InvariantCulture) : "";

    private static string Fixed(double? value, int decimals) => value is { } v && double.IsFinite(v) ? (Math.Round(v, decimals) + 0.0).ToString("F" + decimals, CultureInfo.InvariantCulture) : ""; // adding 0 makes -0 a plain 0

    private static string Escape(string text) => Svg.Escape(text);
}
