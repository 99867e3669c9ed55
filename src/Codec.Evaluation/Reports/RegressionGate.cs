using System.Globalization;
using Codec.Audio;
using Codec.Evaluation.Runs;

namespace Codec.Evaluation.Reports;

/// <summary>
/// Rules such as "pesq_wb&lt;-0.02,kbps&gt;+1%": a run fails where a figure of a condition changed by less (or more) than that
/// against an earlier report. With % the change is relative.
/// </summary>
public sealed class RegressionGate
{
    private readonly List<Rule> _rules = [];

    private sealed record Rule(string Name, bool Below, double Limit, bool Relative, string Text);

    /// <exception cref="ConfigException">Not understood.</exception>
    public RegressionGate(string rules)
    {
        foreach (var text in rules.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var at = text.IndexOfAny(['<', '>']);
            var relative = text.EndsWith('%');
            if (at <= 0 || !double.TryParse(text.AsSpan(at + 1, text.Length - at - 1 - (relative ? 1 : 0)), CultureInfo.InvariantCulture, out var limit))
                throw new ConfigException($"--fail-if: expected rules such as \"pesq_wb<-0.02,kbps>+1%\", found '{text}'");
            _rules.Add(new Rule(text[..at].Trim(), text[at] == '<', relative ? limit / 100 : limit, relative, text));
        }
        if (_rules.Count == 0)
            throw new ConfigException("--fail-if: no rule");
    }

    /// <summary>What got worse; empty where the gate is passed.</summary>
    /// <exception cref="ConfigException">A rule names a figure that neither report has, or the reports have no condition in common.</exception>
    public IReadOnlyList<string> Failures(EvaluationReport baseline, EvaluationReport current)
    {
        var failures = new List<string>();
        if (!current.Valid)
            failures.Add($"the controls came out wrong: {current.ControlFailures[0]}");
        var before = baseline.Measured.ToDictionary(c => c.Name);
        if (!current.Measured.Any(c => before.ContainsKey(c.Name)))
            throw new ConfigException("--baseline: no condition in common with this run");
        foreach (var rule in _rules)
        {
            var compared = false;
            foreach (var now in current.Measured.Where(c => before.ContainsKey(c.Name)))
            {
                if (Value(before[now.Name], rule.Name) is not { } old)
                    continue;
                compared = true;
                if (Value(now, rule.Name) is not { } value)
                    failures.Add($"{now.Name}: {rule.Name} was {Number(old)} and has no value now");
                else if (Breaks(rule, old, value, out var change))
                    failures.Add($"{now.Name}: {rule.Name} went from {Number(old)} to {Number(value)} ({change}), rule {rule.Text}");
            }
            if (!compared)
                throw new ConfigException($"--fail-if: the baseline has no '{rule.Name}'");
        }
        failures.AddRange(before.Keys.Where(name => current.Conditions.All(c => c.Name != name || c.Metrics.Count == 0)).Select(name => $"{name}: in the baseline, not measured now"));
        return failures;
    }

    private static bool Breaks(Rule rule, double old, double value, out string change)
    {
        var delta = rule.Relative ? (old == 0 ? (value == 0 ? 0 : double.PositiveInfinity * Math.Sign(value)) : (value - old) / Math.Abs(old)) : value - old;
        change = rule.Relative ? (100 * delta).ToString("+0.##;-0.##;0", CultureInfo.InvariantCulture) + " %" : delta.ToString("+0.####;-0.####;0", CultureInfo.InvariantCulture);
        return rule.Below ? delta < rule.Limit : delta > rule.Limit;
    }

    private static double? Value(ConditionSummary c, string name) => name switch
    {
        "kbps" => c.Kbps,
        "encode_speed" => c.EncodeSpeed,
        "decode_speed" => c.DecodeSpeed,
        "memory_mb" => c.MemoryMegabytes,
        _ => c.Metrics.GetValueOrDefault(name)?.Mean,
    };

    private static string Number(double value) => value.ToString("0.####", CultureInfo.InvariantCulture);
}
