using System.Globalization;
using Codec.Evaluation.Metrics;
using Codec.Evaluation.Runs;

namespace Codec.Evaluation.Reports;

/// <summary>The summary as Markdown tables.</summary>
public static class MarkdownReport
{
    public static void Write(EvaluationReport report, TextWriter writer)
    {
        writer.WriteLine("# Codec evaluation");
        writer.WriteLine();
        writer.WriteLine(FormattableString.Invariant($"{report.Files} files, {report.Seconds / 60:0.0} minutes, from `{report.Reference}`."));
        writer.WriteLine(report.Valid
            ? "The controls came out as they must."
            : "**INVALID: the controls came out wrong.** " + string.Join("; ", report.ControlFailures));
        writer.WriteLine();
        Winners(report, writer);
        Conditions(report, writer);
        Perception(report, writer);
        foreach (var (name, problem) in report.Absent)
            writer.WriteLine($"- {name}: not measured: {problem}");
        writer.WriteLine();
        writer.WriteLine("## Metrics");
        writer.WriteLine();
        foreach (var metric in report.Metrics)
            writer.WriteLine($"- **{metric.Column.Label}** (`{metric.Column.Name}`, {(metric.Column.HigherIsBetter ? "higher" : "lower")} is better): {metric.Definition}");
        Problems(report, writer);
    }

    /// <summary>Which cells are empty and why, files named.</summary>
    private static void Problems(EvaluationReport report, TextWriter writer)
    {
        var problems = report.Rows.SelectMany(r => r.Problems.Select(p => (r.File, Metric: p.Key, Reason: p.Value, r.Condition)))
            .GroupBy(p => (p.Metric, p.Reason)).ToArray();
        if (problems.Length == 0)
            return;
        writer.WriteLine();
        writer.WriteLine("## Empty cells and odd recordings");
        writer.WriteLine();
        foreach (var group in problems)
            writer.WriteLine($"- {(group.Key.Metric == "*" ? "whole rows" : group.Key.Metric)}: {group.Key.Reason} ({Some(group.Select(p => p.Condition))}; {Some(group.Select(p => p.File))})");
    }

    private static string Some(IEnumerable<string> names)
    {
        const int shown = 5;
        var all = names.Distinct().ToArray();
        return string.Join(", ", all.Take(shown)) + (all.Length > shown ? $" and {all.Length - shown} more" : "");
    }

    private static void Winners(EvaluationReport report, TextWriter writer)
    {
        var comparison = new Comparison(report);
        var metrics = report.Metrics.Take(4).Select(m => m.Column).ToArray();
        writer.WriteLine("## Best for a budget");
        writer.WriteLine();
        writer.WriteLine("| kbit/s up to | " + string.Join(" | ", metrics.Select(m => m.Label)) + " |");
        writer.WriteLine("|" + string.Concat(Enumerable.Repeat(" --- |", metrics.Length + 1)));
        foreach (var budget in comparison.Budgets())
            writer.WriteLine($"| {Text(budget)} | " + string.Join(" | ", metrics.Select(m => comparison.Winner(budget, m) is { } w
                ? $"{w.Winner.Name} ({w.Winner.Metrics[m.Name].Mean.ToString("F" + m.Decimals, CultureInfo.InvariantCulture)}{(w.P > 0.05 ? ", tie with " + w.Rival!.Name : "")})" : "")) + " |");
        writer.WriteLine();
    }

    private static void Perception(EvaluationReport report, TextWriter writer)
    {
        var columns = report.Metrics.Select(m => m.Column).ToDictionary(c => c.Name);
        var found = report.RankCorrelations.Where(r => columns[r.First].IsTask != columns[r.Second].IsTask).ToArray();
        if (found.Length == 0)
            return;
        writer.WriteLine("## Machine perception: Spearman's rho of task and signal metric over conditions");
        writer.WriteLine();
        writer.WriteLine("| task | signal metric | rho | conditions |");
        writer.WriteLine("| --- | --- | --- | --- |");
        foreach (var (task, proxy, r) in found.Select(r => columns[r.First].IsTask ? (columns[r.First], columns[r.Second], r) : (columns[r.Second], columns[r.First], r))
            .OrderBy(x => x.Item1.Name, StringComparer.Ordinal).ThenByDescending(x => x.r.Rho))
            writer.WriteLine(FormattableString.Invariant($"| {task.Label} | {proxy.Label} | {r.Rho:0.00} | {r.Conditions} |"));
        writer.WriteLine();
    }

    private static void Conditions(EvaluationReport report, TextWriter writer)
    {
        writer.WriteLine("## All conditions (mean over files, 95 % interval)");
        writer.WriteLine();
        writer.WriteLine("| condition | kbit/s on disk | nominal | encode x | decode x | " + string.Join(" | ", report.Metrics.Select(m => m.Column.Label)) + " |");
        writer.WriteLine("|" + string.Concat(Enumerable.Repeat(" --- |", report.Metrics.Count + 5)));
        foreach (var c in report.Conditions)
            writer.WriteLine($"| {c.Name} | {Text(c.Kbps)} | {Text(c.NominalKbps)} | {Text(c.EncodeSpeed)} | {Text(c.DecodeSpeed)} | "
                + string.Join(" | ", report.Metrics.Select(m => Cell(c, m.Column))) + " |");
        writer.WriteLine();
    }

    private static string Cell(ConditionSummary c, MetricColumn column)
    {
        if (!c.Metrics.TryGetValue(column.Name, out var v))
            return "";
        string F(double x) => x.ToString("F" + column.Decimals, CultureInfo.InvariantCulture);
        return $"{F(v.Mean)} [{F(v.Low)}, {F(v.High)}]";
    }

    private static string Text(double? value) => value?.ToString("0.##", CultureInfo.InvariantCulture) ?? "";
}
