using Codec.Audio;
using Codec.Evaluation.Runs;

namespace Codec.Evaluation.Reports;

/// <summary>A report in all its forms: report.html, report.md, report.json, rows.csv.</summary>
public static class ReportFolder
{
    /// <summary>Writes everything; each file appears only when it is complete.</summary>
    /// <param name="folder">Made where it does not exist.</param>
    /// <param name="report">What was found.</param>
    /// <param name="plan">To code the worst files once more, to listen to.</param>
    /// <param name="cancellation">Ends external programs.</param>
    /// <exception cref="OutputFileException">A file cannot be written.</exception>
    public static void Write(string folder, EvaluationReport report, EvaluationPlan plan, CancellationToken cancellation)
    {
        Directory.CreateDirectory(folder);
        AtomicFile.Write(Path.Combine(folder, "report.json"), stream => JsonReport.Write(report, stream));
        WriteText(folder, "rows.csv", writer => CsvReport.Write(report, writer));
        WriteText(folder, "report.md", writer => MarkdownReport.Write(report, writer));
        var page = HtmlReport.Write(report, ListeningExample.Of(report, plan, cancellation));
        WriteText(folder, "report.html", writer => writer.Write(page));
    }

    private static void WriteText(string folder, string name, Action<TextWriter> fill)
        => AtomicFile.Write(Path.Combine(folder, name), stream =>
        {
            using var writer = new StreamWriter(stream, leaveOpen: true) { NewLine = "\n" };
            fill(writer);
        });
}
