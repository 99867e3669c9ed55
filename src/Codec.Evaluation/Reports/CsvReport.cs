using System.Globalization;

namespace Codec.Evaluation.Reports;

/// <summary>One line for each file and condition (RFC 4180); cells without a value stay empty.</summary>
public static class CsvReport
{
    public static void Write(EvaluationReport report, TextWriter writer)
    {
        var metrics = report.Metrics.Select(m => m.Column.Name).ToArray();
        writer.Write(string.Join(',', ["condition", "file", "seconds", "bytes", "kbps", "encode_seconds", "decode_seconds", "shift_ms", "gain_db", .. metrics, "problems"]) + "\r\n");
        foreach (var row in report.Rows)
        {
            string[] cells =
            [
                row.Condition, row.File, Number(row.Seconds), row.Bytes?.ToString(CultureInfo.InvariantCulture) ?? "",
                Number(row.Bytes * 8 / row.Seconds / 1000), Number(row.EncodeSeconds), Number(row.DecodeSeconds),
                Number(row.ShiftMilliseconds), Number(row.GainDecibels),
                .. metrics.Select(m => row.Values.TryGetValue(m, out var value) ? Number(value) : ""),
                string.Join("; ", row.Problems.Select(p => $"{p.Key}: {p.Value}")),
            ];
            writer.Write(string.Join(',', cells.Select(Quote)) + "\r\n");
        }
    }

    private static string Number(double? value) => value?.ToString("0.######", CultureInfo.InvariantCulture) ?? "";

    /// <summary>Quoted where needed; a text that a spreadsheet would run as a formula gets an apostrophe.</summary>
    private static string Quote(string cell)
    {
        if (cell is ['=' or '@' or '+' or '-', ..] && !double.TryParse(cell, CultureInfo.InvariantCulture, out _))
            cell = "'" + cell;
        return cell.AsSpan().IndexOfAny(",\"\r\n") < 0 ? cell : '"' + cell.Replace("\"", "\"\"") + '"';
    }
}
