using Codec.Evaluation.Metrics;
using Codec.Evaluation.Statistics;

namespace Codec.Evaluation.Runs;

/// <summary>A condition over all files.</summary>
public sealed record ConditionSummary
{
    public required string Name { get; init; }
    public required string Family { get; init; }
    public bool IsControl { get; init; }
    public double? NominalKbps { get; init; }

    /// <summary>Bits on disk per second of audio, container and all: sum over files / sum of durations.</summary>
    public double? Kbps { get; init; }

    /// <summary>Seconds of audio encoded in a second.</summary>
    public double? EncodeSpeed { get; init; }

    /// <summary>Seconds of audio decoded in a second.</summary>
    public double? DecodeSpeed { get; init; }

    public double? MemoryMegabytes { get; init; }

    /// <summary>Median over files.</summary>
    public double? ShiftMilliseconds { get; init; }

    /// <summary>Median over files.</summary>
    public double? GainDecibels { get; init; }

    /// <summary>Means with intervals by metric.</summary>
    public Dictionary<string, Interval> Metrics { get; init; } = [];

    /// <summary>Files that gave no row at all.</summary>
    public int Failed { get; init; }

    /// <summary>For each book: share of its entries that were used, and perplexity.</summary>
    public List<BookUsage> Books { get; init; } = [];

    /// <summary>Summarises the rows of one condition.</summary>
    public static ConditionSummary Of(Conditions.ICondition condition, IReadOnlyList<EvaluationRow> rows, IReadOnlyList<MetricColumn> columns)
    {
        var coded = rows.Where(r => r.Bytes is not null).ToArray();
        return new ConditionSummary
        {
            Name = condition.Name,
            Family = condition.Family,
            IsControl = condition.IsControl,
            NominalKbps = condition.NominalBitsPerSecond / 1000,
            Kbps = coded.Length == 0 ? null : coded.Sum(r => 8.0 * r.Bytes!.Value) / coded.Sum(r => r.Seconds) / 1000,
            EncodeSpeed = Speed(rows, r => r.EncodeSeconds),
            DecodeSpeed = Speed(rows, r => r.DecodeSeconds),
            MemoryMegabytes = rows.Max(r => r.MemoryBytes) / 1048576.0,
            ShiftMilliseconds = Median(rows.Select(r => r.ShiftMilliseconds)),
            GainDecibels = Median(rows.Select(r => r.GainDecibels)),
            Metrics = columns
                .Select(c => (c.Name, Interval: Bootstrap.Mean([.. rows.Where(r => r.Values.ContainsKey(c.Name)).Select(r => r.Values[c.Name])])))
                .Where(x => x.Interval is not null).ToDictionary(x => x.Name, x => x.Interval!),
            Failed = rows.Count(r => r.Problems.ContainsKey("*")),
            Books = BookUsage.Of(rows),
        };
    }

    private static double? Speed(IReadOnlyList<EvaluationRow> rows, Func<EvaluationRow, double?> seconds)
    {
        var timed = rows.Where(r => seconds(r) > 0).ToArray();
        return timed.Length == 0 ? null : timed.Sum(r => r.Seconds) / timed.Sum(r => seconds(r)!.Value);
    }

    private static double? Median(IEnumerable<double?> values)
    {
        var sorted = values.OfType<double>().Order().ToArray();
        return sorted.Length == 0 ? null : sorted[sorted.Length / 2];
    }
}

/// <summary>How well a codebook is used.</summary>
/// <param name="Size">Entries.</param>
/// <param name="Used">Share of the entries that occur.</param>
/// <param name="Perplexity">2 to the entropy: as many equally likely entries would carry as much.</param>
public sealed record BookUsage(int Size, double Used, double Perplexity)
{
    /// <summary>Over the rows of a condition, those left out whose book has another size: journals once counted low bands, too.</summary>
    public static List<BookUsage> Of(IReadOnlyList<EvaluationRow> rows)
    {
        var result = new List<BookUsage>();
        var sizes = rows.Select(r => r.BookSizes).FirstOrDefault(b => b.Count > 0) ?? [];
        for (var book = 0; book < sizes.Count; book++)
        {
            var counts = new double[sizes[book]];
            foreach (var sparse in rows.Where(r => r.CodeCounts.Count > book && r.BookSizes[book] == sizes[book]).Select(r => r.CodeCounts[book]))
                for (var i = 0; i + 1 < sparse.Length; i += 2)
                    counts[sparse[i]] += sparse[i + 1];
            var total = counts.Sum();
            var bits = counts.Where(c => c > 0).Sum(c => -c / total * Math.Log2(c / total));
            result.Add(new BookUsage(sizes[book], counts.Count(c => c > 0) / (double)sizes[book], Math.Pow(2, bits)));
        }
        return result;
    }
}
