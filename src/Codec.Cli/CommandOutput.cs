using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Codec.Cli;

/// <summary>
/// Results go to standard output, as text or with --json as one JSON value; messages and progress to standard error.
/// When the output file itself is standard output, results go to standard error too.
/// </summary>
internal sealed class CommandOutput(Terminal terminal, bool json, bool outputIsTaken = false)
{
    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // goes to terminals and files, not into HTML
    };
    private readonly TextWriter _results = outputIsTaken ? terminal.Error : terminal.Out;
    private ProgressBar? _bar;

    public bool Json => json;

    /// <summary>A line of text that is left out with --json.</summary>
    public void Result(string line)
    {
        if (json)
            return;
        _bar?.Clear();
        _results.WriteLine(line);
    }

    /// <summary>The JSON value; left out without --json.</summary>
    public void Result(JsonNode node)
    {
        if (!json)
            return;
        _bar?.Clear();
        _results.WriteLine(node.ToJsonString(Indented));
    }

    public void Message(string line)
    {
        _bar?.Clear();
        terminal.Error.WriteLine(line);
    }

    public void Warning(string line) => Message($"warning: {line}");

    public void Error(string line) => Message($"error: {line}");

    /// <summary>A bar on standard error where that is a terminal; one at a time.</summary>
    /// <param name="label">What is worked on.</param>
    /// <param name="total">Units of work; null where unknown.</param>
    /// <param name="unit">What is counted; null = seconds of audio.</param>
    public ProgressBar Progress(string label, double? total, string? unit = null)
        => _bar = new ProgressBar(terminal.Interactive ? terminal.Error : TextWriter.Null, label, total, TimeProvider.System, unit);
}
