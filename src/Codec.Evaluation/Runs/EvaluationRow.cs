namespace Codec.Evaluation.Runs;

/// <summary>One file through one condition.</summary>
public sealed record EvaluationRow
{
    public required string Condition { get; init; }

    /// <summary>Path below the reference folder.</summary>
    public required string File { get; init; }

    /// <summary>What the row was made from: the same again needs no new run.</summary>
    public string Fingerprint { get; init; } = "";

    /// <summary>Of the reference.</summary>
    public required double Seconds { get; init; }

    /// <summary>On disk, container and all.</summary>
    public long? Bytes { get; init; }

    public double? EncodeSeconds { get; init; }
    public double? DecodeSeconds { get; init; }
    public long? MemoryBytes { get; init; }

    /// <summary>By which the output was late.</summary>
    public double? ShiftMilliseconds { get; init; }

    public double? GainDecibels { get; init; }

    /// <summary>Metric by name.</summary>
    public Dictionary<string, double> Values { get; init; } = [];

    /// <summary>Why a metric has no value; "*" for the whole row; under "reference" what was odd about the recording.</summary>
    public Dictionary<string, string> Problems { get; init; } = [];

    /// <summary>Per book, how often each entry was used: [entry, count] pairs of the used ones.</summary>
    public List<int[]> CodeCounts { get; init; } = [];

    /// <summary>Sizes of the books.</summary>
    public List<int> BookSizes { get; init; } = [];

    /// <summary>Metrics that were tried, by name of the first column, with what they depended on beside the signals.</summary>
    public Dictionary<string, string> Measured { get; init; } = [];

    /// <summary>Wall seconds that each metric took, by name of its first column.</summary>
    public Dictionary<string, double> MetricSeconds { get; init; } = [];

    /// <summary>The row as a run that asked for nothing but some metrics gives it.</summary>
    internal EvaluationRow Only(IReadOnlyList<Metrics.Metric> metrics)
    {
        var columns = metrics.SelectMany(m => m.Columns).Select(c => c.Name).ToHashSet();
        return this with
        {
            Values = Values.Where(v => columns.Contains(v.Key)).ToDictionary(),
            Problems = Problems.Where(p => p.Key is "*" or "reference" || columns.Contains(p.Key)).ToDictionary(),
            MetricSeconds = MetricSeconds.Where(s => metrics.Any(m => m.Name == s.Key)).ToDictionary(),
            Measured = [],
        };
    }
}
