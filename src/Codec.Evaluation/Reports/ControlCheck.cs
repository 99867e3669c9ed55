using Codec.Evaluation.Conditions;
using Codec.Evaluation.Metrics;
using Codec.Evaluation.Runs;

namespace Codec.Evaluation.Reports;

/// <summary>Says where the controls came out otherwise than they must.</summary>
internal static class ControlCheck
{
    private const double BestTolerance = 0.02;

    public static List<string> Failures(IReadOnlyList<ConditionSummary> conditions, IReadOnlyList<MetricColumn> columns)
    {
        var failures = new List<string>();
        var controls = conditions.Where(c => c.IsControl).ToDictionary(c => c.Name);
        foreach (var column in columns)
        {
            double? Mean(string control) => controls.GetValueOrDefault(control)?.Metrics.GetValueOrDefault(column.Name)?.Mean;
            if (Mean(Control.Identity) is not { } identity)
            {
                continue; // nothing was computed: empty cells say why
            }
            if (column.Best is { } best && Math.Abs(identity - best) > BestTolerance * Math.Max(1, Math.Abs(best)))
                failures.Add(Line(column, Control.Identity, identity, $"its best value {best:0.###}"));
            if (Mean(Control.Noise) is { } noise && !Better(column, identity, noise))
                failures.Add(Line(column, Control.Noise, noise, $"worse than identity ({identity:0.###})"));
            if (Mean(Control.LowPass) is { } low && column.Best is not null && Better(column, low, identity))
                failures.Add(Line(column, Control.LowPass, low, $"no better than identity ({identity:0.###})"));
            if (Mean(Control.Noise) is { } loud && Mean(Control.LowPass) is { } narrow && column.HigherIsBetter && loud > narrow) // spectral distances may well prefer noise to missing bands
                failures.Add(Line(column, Control.Noise, loud, $"worse than the low-pass ({narrow:0.###})"));
        }
        if (controls.GetValueOrDefault(Control.Shift)?.ShiftMilliseconds is { } shift && !(shift > 0 && shift < 1))
            failures.Add($"alignment of {Control.Shift}: expected one sample, found {shift:0.###} ms");
        return failures;
    }

    private static bool Better(MetricColumn column, double a, double b) => column.HigherIsBetter ? a > b : a < b;

    private static string Line(MetricColumn column, string control, double found, string expected)
        => FormattableString.Invariant($"{column.Label} of {control}: expected {expected}, found {found:0.###}");
}
