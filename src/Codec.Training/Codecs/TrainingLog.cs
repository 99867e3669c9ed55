using System.Globalization;
using Codec.Audio.Pictures;

namespace Codec.Training.Codecs;

/// <summary>A CSV file of reports that survives a resume: rows after the resumed step are dropped.</summary>
public sealed class TrainingLog
{
    private readonly string _path;
    private readonly List<StepReport> _rows = [];

    /// <param name="path">CSV file.</param>
    /// <param name="resumeStep">Last step that counts.</param>
    public TrainingLog(string path, long resumeStep)
    {
        _path = path;
        if (File.Exists(path))
            _rows.AddRange(Parse(File.ReadAllLines(path)).Where(r => r.Step <= resumeStep));
    }

    public IReadOnlyList<StepReport> Rows => _rows;

    public void Add(StepReport row)
    {
        _rows.Add(row);
        var columns = Columns();
        var lines = new List<string> { string.Join(',', columns.Prepend("audio_per_second").Prepend("step")) };
        lines.AddRange(_rows.Select(r => string.Join(',', columns.Select(c => r.Values.TryGetValue(c, out var v) ? Text(v) : "")
            .Prepend(Text(r.AudioPerSecond)).Prepend(r.Step.ToString(CultureInfo.InvariantCulture)))));
        File.WriteAllLines(_path + ".partial", lines);
        File.Move(_path + ".partial", _path, overwrite: true);
    }

    private string[] Columns() => _rows.SelectMany(r => r.Values.Keys).Distinct().Order(StringComparer.Ordinal).ToArray();

    private static string Text(double value) => value.ToString("G6", CultureInfo.InvariantCulture);

    private static IEnumerable<StepReport> Parse(string[] lines)
    {
        if (lines.Length == 0)
            yield break;
        var names = lines[0].Split(',');
        foreach (var line in lines.Skip(1))
        {
            var cells = line.Split(',');
            var values = new Dictionary<string, double>();
            for (var i = 2; i < Math.Min(names.Length, cells.Length); i++)
                if (double.TryParse(cells[i], CultureInfo.InvariantCulture, out var value))
                    values[names[i]] = value;
            if (cells.Length >= 2 && long.TryParse(cells[0], CultureInfo.InvariantCulture, out var step))
                yield return new StepReport
                {
                    Step = step,
                    Values = values,
                    AudioPerSecond = double.TryParse(cells[1], CultureInfo.InvariantCulture, out var speed) ? speed : 0,
                };
        }
    }

    /// <summary>Draws every column over the steps, each in its own chart; columns mel_1, mel_2, ... share one.</summary>
    public void Plot(string path)
    {
        if (_rows.Count == 0)
            return;
        var plots = Columns().GroupBy(Family).Select(family => new Plot
        {
            Title = family.Key,
            XLabel = "steps",
            LogY = _rows.All(r => family.All(c => !r.Values.TryGetValue(c, out var v) || v > 0)),
            Series = [.. family.Select(Series)],
        });
        PlotImage.Write(path, [.. plots]);
    }

    private PlotSeries Series(string column)
    {
        var rows = _rows.Where(r => r.Values.ContainsKey(column)).ToArray();
        return new PlotSeries(column, rows.Select(r => (double)r.Step).ToArray(), rows.Select(r => r.Values[column]).ToArray(), Markers: rows.Length < 20);
    }

    private static string Family(string column)
    {
        var end = column.LastIndexOf('_');
        return end > 0 && int.TryParse(column.AsSpan(end + 1), out _) ? column[..end] : column;
    }
}
