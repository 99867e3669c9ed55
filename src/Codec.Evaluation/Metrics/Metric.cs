namespace Codec.Evaluation.Metrics;

/// <summary>One number that a metric gives for a pair of signals.</summary>
/// <param name="Name">As in tables and gates, e.g. "pesq_wb".</param>
/// <param name="Label">As in reports.</param>
/// <param name="HigherIsBetter">Direction.</param>
/// <param name="Best">Value of identical signals; null where it depends on the signal.</param>
/// <param name="Decimals">Digits worth printing.</param>
public sealed record MetricColumn(string Name, string Label, bool HigherIsBetter, double? Best, int Decimals = 3)
{
    /// <summary>True where a machine does something with the audio (recognises words, a voice) instead of comparing signals.</summary>
    public bool IsTask { get; init; }
}

/// <summary>
/// A measure of a pair of signals. <see cref="Compute"/> is pure and thread-safe; it gives one value for each column and throws
/// <see cref="MetricException"/> where there is none.
/// </summary>
/// <param name="Columns">What it gives.</param>
/// <param name="Definition">What was computed, in one sentence.</param>
/// <param name="Compute">The computation.</param>
public sealed record Metric(IReadOnlyList<MetricColumn> Columns, string Definition, Func<SignalPair, double[]> Compute)
{
    /// <summary>What a value depends on beside the signals: model files, programs, transcripts. A value of an earlier run counts only where it is the same.</summary>
    public string Fingerprint { get; init; } = "";

    /// <summary>Name of the first column.</summary>
    public string Name => Columns[0].Name;

    /// <summary>A metric of one number.</summary>
    public static Metric Of(MetricColumn column, string definition, Func<SignalPair, double> compute)
        => new([column], definition, pair => [compute(pair)]);
}
