using System.Text.Json;

namespace Codec.Evaluation.Runs;

/// <summary>Rows as JSON lines, appended as they are measured. Thread-safe. A line that an interruption cut is ignored.</summary>
internal sealed class RowJournal : IDisposable
{
    private readonly StreamWriter? _writer;

    public RowJournal(string? path, string signature)
    {
        if (path is null)
            return;
        Done = Read(path, signature);
        _writer = new StreamWriter(path, append: Done.Count > 0);
        if (Done.Count == 0)
            _writer.WriteLine(JsonSerializer.Serialize(signature));
        else
            _writer.WriteLine(); // an interrupted run may have left half a line: empty lines are skipped
        _writer.Flush();
    }

    /// <summary>Rows of the run before, if it measured the same things.</summary>
    public IReadOnlyList<EvaluationRow> Done { get; } = [];

    public void Add(EvaluationRow row)
    {
        if (_writer is null)
            return;
        var line = JsonSerializer.Serialize(row);
        lock (_writer)
        {
            _writer.WriteLine(line);
            _writer.Flush();
        }
    }

    public void Dispose() => _writer?.Dispose();

    private static List<EvaluationRow> Read(string path, string signature)
    {
        var rows = new List<EvaluationRow>();
        if (!File.Exists(path))
            return rows;
        var first = true;
        foreach (var line in File.ReadLines(path))
        {
            if (line.Length == 0)
                continue;
            try
            {
                if (first && JsonSerializer.Deserialize<string>(line) != signature)
                    return [];
                if (!first && JsonSerializer.Deserialize<EvaluationRow>(line) is { } row)
                    rows.Add(row);
            }
            catch (JsonException)
            {
                if (first)
                    return [];
            }
            first = false;
        }
        return rows;
    }
}
