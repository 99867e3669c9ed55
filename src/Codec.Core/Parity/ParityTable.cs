using System.Globalization;
using Codec.Core.Codecs;

namespace Codec.Core.Parity;

/// <summary>One row of the table family x case.</summary>
/// <param name="Report">What came of the case.</param>
/// <param name="Chunks">What coding in windows changes; null where the case holds no codec of the catalogue.</param>
public sealed record ParityRow(ParityReport Report, ChunkDifference? Chunks)
{
    /// <summary>Largest error of real numbers that were recorded by the reference.</summary>
    public double? MaxError => Largest(line => line.Codes == 0 && !IsStreamed(line) && !IsBatch(line));

    /// <summary>Largest error of streamed against whole signals or recorded streams; null where nothing was streamed.</summary>
    public double? StreamingError => Largest(IsStreamed);

    /// <summary>Whether items of a batch came out as alone; null where no batch was recorded.</summary>
    public bool? BatchEqual => Report.Lines.Where(IsBatch).ToArray() is { Length: > 0 } lines ? lines.All(line => line.Passed) : null;

    private double? Largest(Func<ParityLine, bool> counts) => Report.Lines.Where(counts).Select(line => (double?)line.MaxError).Max();

    private static bool IsStreamed(ParityLine line) => line.Name.Contains(" streamed", StringComparison.Ordinal) || line.Name.Contains(".streaming", StringComparison.Ordinal);

    private static bool IsBatch(ParityLine line) => line.Name.Contains(" alone", StringComparison.Ordinal) || line.Name.EndsWith(" batched", StringComparison.Ordinal);
}

/// <summary>The table of all recorded cases, as Markdown.</summary>
public static class ParityTable
{
    /// <summary>Runs a case, and its codec in windows.</summary>
    public static ParityRow Measure(ParityCase parityCase)
    {
        var report = ParityTool.Run(parityCase);
        return new ParityRow(report, report.Lines.Any(line => line.Codes > 0) && parityCase.HasWeights ? Chunks(parityCase) : null);
    }

    public static IEnumerable<string> Lines(IEnumerable<ParityRow> rows)
    {
        yield return "| family | case | passed | codes compared, equal | max error | streaming max error | batch equal | codes equal in windows | in windows: max error at joints, anywhere (of peak) |";
        yield return "|---|---|---|---|---|---|---|---|---|";
        foreach (var row in rows)
            yield return Line(row);
    }

    private static string Line(ParityRow row)
    {
        var (report, codes) = (row.Report, row.Report.Lines.Sum(line => line.Codes));
        string[] cells =
        [
            report.Case.Family, report.Case.Name, report.Passed ? "yes" : "NO",
            codes == 0 ? "-" : Text($"{codes}, {report.CodeAgreement:0.##%}"), Number(row.MaxError), Number(row.StreamingError),
            row.BatchEqual is { } equal ? equal ? "yes" : "NO" : "-",
            row.Chunks is { } chunks ? Text($"{1 - (double)chunks.CodesDiffer / chunks.Codes:0.##%}") : "-",
            row.Chunks is { } c ? $"{Number(c.AtJoints)}, {Number(c.Anywhere)}" : "-",
        ];
        return $"| {string.Join(" | ", cells)} |";
    }

    private static string Number(double? value) => value is { } number ? Text($"{number:0.0e+0}") : "-";

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>Null where the files are of no codec family: quantizers alone, vocoders.</summary>
    private static ChunkDifference? Chunks(ParityCase parityCase)
    {
        var checkpoint = Checkpoints.Checkpoint.Open(parityCase.File("weights.safetensors"));
        if (CodecCatalog.Families.FirstOrDefault(family => family.Recognises(checkpoint)) is not { } family)
            return null;
        using var codec = family.Load(checkpoint);
        return ChunkProbe.Run(codec);
    }
}
