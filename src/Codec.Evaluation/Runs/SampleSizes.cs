using System.Globalization;
using Codec.Audio;
using Codec.Evaluation.Metrics;

namespace Codec.Evaluation.Runs;

/// <summary>Reads lists such as "wer_sphinx=12,dnsmos_ovrl=24": on how many files a slow metric is measured.</summary>
public static class SampleSizes
{
    /// <returns>Files by the name of a metric's first column.</returns>
    /// <exception cref="ConfigException">Not understood, or a metric that is not measured.</exception>
    public static IReadOnlyDictionary<string, int> Parse(string list, IReadOnlyList<Metric> metrics)
    {
        var sizes = new Dictionary<string, int>();
        foreach (var item in list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (item.Split('=') is not [var name, var text] || !int.TryParse(text, CultureInfo.InvariantCulture, out var files) || files < 1)
                throw new ConfigException($"--sample: expected METRIC=FILES, found '{item}'");
            var metric = metrics.FirstOrDefault(m => m.Columns.Any(c => c.Name == name))
                ?? throw new ConfigException($"--sample: {name} is not among the metrics of this run ({string.Join(", ", metrics.Select(m => m.Name))})");
            sizes[metric.Name] = files;
        }
        return sizes;
    }
}
