using System.Text.Json;
using Codec.Audio;
using Codec.Evaluation.Conditions;
using Codec.Evaluation.Metrics;
using Codec.Evaluation.Runs;
using Codec.Evaluation.Statistics;

namespace Codec.Evaluation.Reports;

/// <summary>A measured point of somebody else, shown beside ours; never mixed with our figures.</summary>
/// <param name="Name">Condition.</param>
/// <param name="Family">Curve.</param>
/// <param name="Kbps">Rate.</param>
/// <param name="Values">By metric.</param>
public sealed record ExtraPoint(string Name, string Family, double Kbps, Dictionary<string, double> Values);

/// <summary>What a metric of the run was.</summary>
public sealed record MetricInfo(MetricColumn Column, string Definition, double? TimesRealTime);

/// <summary>Everything a run found out: what all writers, the gate and later runs read.</summary>
public sealed record EvaluationReport
{
    public int Format { get; init; } = 1;
    public required string Reference { get; init; }
    public required int Files { get; init; }
    public required double Seconds { get; init; }
    public required List<MetricInfo> Metrics { get; init; }
    public required List<ConditionSummary> Conditions { get; init; }

    /// <summary>Why the figures are not to be trusted; empty for a valid report.</summary>
    public required List<string> ControlFailures { get; init; }

    /// <summary>Conditions that did not run at all, and why.</summary>
    public required Dictionary<string, string> Absent { get; init; }

    /// <summary>Spearman's rho over conditions, for every pair of metrics; at least 4 conditions.</summary>
    public required List<RankCorrelation> RankCorrelations { get; init; }

    public List<ExtraPoint> ExtraPoints { get; init; } = [];
    public required List<EvaluationRow> Rows { get; init; }

    /// <summary>True where the controls came out as they must.</summary>
    public bool Valid => ControlFailures.Count == 0;

    /// <summary>The first metric: charts, significance and worst files start from it.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public MetricColumn Main => Metrics[0].Column;

    /// <summary>Conditions that are no controls and gave values.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public IEnumerable<ConditionSummary> Measured => Conditions.Where(c => !c.IsControl && c.Metrics.Count > 0);

    /// <summary>Sums up the rows of a run.</summary>
    public static EvaluationReport Of(EvaluationPlan plan, IReadOnlyList<EvaluationRow> rows)
    {
        var columns = plan.Metrics.SelectMany(m => m.Columns).ToArray();
        var byCondition = rows.ToLookup(r => r.Condition);
        var summaries = plan.AllConditions.Select(c => ConditionSummary.Of(c, [.. byCondition[c.Name]], columns)).ToList();
        var files = rows.DistinctBy(r => r.File).ToArray();
        return new EvaluationReport
        {
            Reference = plan.ReferenceFolder,
            Files = files.Length,
            Seconds = files.Sum(r => r.Seconds),
            Metrics = [.. plan.Metrics.SelectMany(m => m.Columns.Select(c => new MetricInfo(c, m.Definition, Speed(m, rows))))],
            Conditions = summaries,
            ControlFailures = ControlCheck.Failures(summaries, columns),
            Absent = plan.Conditions.Where(c => c.Problem is not null).ToDictionary(c => c.Name, c => c.Problem!),
            RankCorrelations = RankCorrelation.Between(summaries.Where(c => !c.IsControl).Select(c => c.Name).ToHashSet(), columns, rows),
            Rows = [.. rows],
        };
    }

    private static double? Speed(Metric metric, IReadOnlyList<EvaluationRow> rows)
    {
        var timed = rows.Where(r => r.MetricSeconds.GetValueOrDefault(metric.Name) > 0).ToArray();
        return timed.Length == 0 ? null : timed.Sum(r => r.Seconds) / timed.Sum(r => r.MetricSeconds[metric.Name]);
    }

    /// <summary>Reads a report.json.</summary>
    /// <exception cref="ConfigException">Missing, or no report.</exception>
    public static EvaluationReport Load(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            return JsonSerializer.Deserialize<EvaluationReport>(stream, JsonReport.Options) is { Conditions: not null, Metrics: not null } report
                ? report : throw new ConfigException($"{path}: expected a report.json of codec eval, found something else");
        }
        catch (Exception e) when (e is IOException or JsonException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new ConfigException($"{path}: expected a report.json of codec eval ({e.Message})", e);
        }
    }
}
