using Codec.Evaluation.Metrics;
using Codec.Evaluation.Pesq;

namespace Codec.Evaluation.Repair;

/// <summary>Means over files. A measure that a file is too short for counts the other files only.</summary>
public sealed class RepairScore
{
    private readonly Dictionary<string, (double Sum, int Files)> _sums = [];

    /// <summary>Names of the measures, in the order of tables.</summary>
    public static IReadOnlyList<string> Names { get; } = ["mel", "stoi", "estoi", "pesq_wb"];

    /// <summary>Mean of a measure; NaN where no file had one.</summary>
    public double this[string name] => _sums.TryGetValue(name, out var sum) ? sum.Sum / sum.Files : double.NaN;

    /// <summary>Measures one file.</summary>
    /// <param name="pesq">Also PESQ-WB, which costs more than all others.</param>
    public void Add(float[] reference, float[] degraded, int sampleRate, bool pesq)
    {
        Add("mel", () => SpectralDistances.MelDacDefault(reference, degraded, sampleRate));
        Add("stoi", () => Stoi.Score(reference, degraded, sampleRate));
        Add("estoi", () => Stoi.Extended(reference, degraded, sampleRate));
        if (pesq)
            Add("pesq_wb", () => PesqScore.WideBand(reference, degraded, sampleRate));
    }

    private void Add(string name, Func<double> measure)
    {
        try
        {
            var value = measure();
            var (sum, files) = _sums.GetValueOrDefault(name);
            _sums[name] = (sum + value, files + 1);
        }
        catch (MetricException)
        {
            // Too short, or too little speech: whether it is depends on the reference, so no treatment gains by it.
        }
    }
}
