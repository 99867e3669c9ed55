using System.Globalization;
using Codec.Evaluation.Metrics;
using Codec.Evaluation.Runs;

namespace Codec.Evaluation.Reports;

/// <summary>What machines make of decoded audio, beside the signal metrics that stand for it.</summary>
internal sealed partial class HtmlReport
{
    private void Perception()
    {
        var tasks = Columns.Where(c => c.IsTask && _report.Measured.Any(m => m.Metrics.ContainsKey(c.Name))).ToArray();
        var proxies = Columns.Where(c => !c.IsTask && _report.Measured.Any(m => m.Metrics.ContainsKey(c.Name))).ToArray();
        if (tasks.Length == 0)
            return;
        Section("Machine perception", "What a recogniser and a speaker embedding make of the decoded audio. The change is against the undegraded originals on the same files.");
        TaskTable(tasks, [.. proxies.Take(3)]);
        TaskCorrelations(tasks, proxies);
    }

    private void TaskTable(MetricColumn[] tasks, MetricColumn[] proxies)
    {
        _page.Append("<div class='wide'><table class='num'><tr><th>condition<th>kbit/s");
        foreach (var task in tasks)
            _page.Append($"<th>{Escape(task.Label)}<th>change<th>files");
        foreach (var proxy in proxies)
            _page.Append($"<th>{Escape(proxy.Label)}");
        foreach (var c in _report.Measured.OrderBy(c => c.Kbps ?? double.MaxValue))
        {
            _page.Append($"<tr><th>{Escape(c.Name)}<td>{Fixed(c.Kbps, 2)}");
            foreach (var task in tasks)
                _page.Append(c.Metrics.TryGetValue(task.Name, out var v)
                    ? $"<td style='background:rgba(42,157,92,{Shade(task, v.Mean)})' title='{Number(v.Low, 3)} to {Number(v.High, 3)}'>{Fixed(v.Mean, 3)}<td>{Signed(_comparison.AgainstOriginal(c.Name, task))}<td>{v.Count}"
                    : "<td class='none'><td class='none'><td class='none'>");
            foreach (var proxy in proxies)
                _page.Append(c.Metrics.TryGetValue(proxy.Name, out var v) ? $"<td>{Fixed(v.Mean, 3)}" : "<td class='none'>");
        }
        _page.Append("</table></div>");
    }

    private void TaskCorrelations(MetricColumn[] tasks, MetricColumn[] proxies)
    {
        double? Rho(MetricColumn a, MetricColumn b) => Found(a, b)?.Rho;
        RankCorrelation? Found(MetricColumn a, MetricColumn b)
            => _report.RankCorrelations.FirstOrDefault(r => (r.First, r.Second) == (a.Name, b.Name) || (r.First, r.Second) == (b.Name, a.Name));
        if (proxies.Length == 0 || !tasks.Any(t => proxies.Any(p => Rho(t, p) is not null)))
            return;
        var conditions = tasks.SelectMany(t => proxies.Select(p => Found(t, p)?.Conditions ?? 0)).Max();
        _page.Append($"<h3>Which signal metric foretells the task (Spearman's &rho; over {conditions} conditions, means over common files; 1 = the same order)</h3>");
        _page.Append("<div class='wide'><table class='num'><tr><th>task");
        foreach (var proxy in proxies)
            _page.Append($"<th>{Escape(proxy.Label)}");
        foreach (var task in tasks)
        {
            var best = proxies.Max(p => Rho(task, p));
            _page.Append($"<tr><th>{Escape(task.Label)}");
            foreach (var proxy in proxies)
                _page.Append(Rho(task, proxy) is { } rho
                    ? $"<td style='background:rgba(31,111,209,{Number(Math.Max(0, rho) * 0.5, 2)})'>{(rho == best ? "<b>" : "")}{Fixed(rho, 2)}{(rho == best ? "</b>" : "")}" : "<td class='none'>");
        }
        _page.Append("</table></div><div class='charts'>");
        foreach (var task in tasks)
            if (proxies.Where(p => Rho(task, p) is not null).MaxBy(p => Rho(task, p)) is { } best)
                _page.Append($"<figure>{Svg.Scatter(best.Label, $"{task.Label}, one point per condition ({(task.HigherIsBetter ? "up" : "down")} is better)", [.. TaskSeries(best, task)], radius: 4.5)}</figure>");
        _page.Append("</div>");
    }

    private IEnumerable<ChartSeries> TaskSeries(MetricColumn proxy, MetricColumn task)
    {
        double Back(MetricColumn column, double value) => column.HigherIsBetter ? value : -value;
        foreach (var family in _report.Measured.GroupBy(c => c.Family))
            if (family.Select(c => (c.Name, Means: RankCorrelation.Means(_report.Rows.Where(r => r.Condition == c.Name), proxy, task))).Where(c => c.Means is not null).ToArray() is { Length: > 0 } points)
                yield return new ChartSeries(family.Key, _colours[family.Key], [.. points.Select(p => (X: Back(proxy, p.Means!.Value.A), Y: Back(task, p.Means!.Value.B), p.Name))
                    .Select(p => new ChartPoint(p.X, p.Y, 0, 0, $"{p.Name}: {proxy.Label} {Number(p.X, 3)}, {task.Label} {Number(p.Y, 3)}"))]);
    }

    private static string Signed(double? value) => value?.ToString("+0.000;-0.000;0", CultureInfo.InvariantCulture) ?? "";
}
