using Codec.Evaluation.Conditions;
using Codec.Evaluation.Metrics;

namespace Codec.Evaluation.Runs;

/// <summary>What is to be measured.</summary>
public sealed record EvaluationPlan
{
    private readonly Dictionary<int, HashSet<string>> _chosen = [];

    /// <summary>Folder of the references.</summary>
    public required string ReferenceFolder { get; init; }

    /// <summary>Paths below the folder.</summary>
    public required IReadOnlyList<string> Files { get; init; }

    /// <summary>Codecs and folders; the controls are added by the runner.</summary>
    public required IReadOnlyList<ICondition> Conditions { get; init; }

    public required IReadOnlyList<Metric> Metrics { get; init; }

    /// <summary>
    /// Slow metrics that are measured on so many files only, by the name of their first column; the files are spread as by
    /// <see cref="Spread"/> and the same for all conditions.
    /// </summary>
    public IReadOnlyDictionary<string, int> Samples { get; init; } = new Dictionary<string, int>();

    /// <summary>Files at a time: bounds memory.</summary>
    public int Jobs { get; init; } = 1;

    /// <summary>Rows are kept here as they come, so that an interrupted run goes on; null for none.</summary>
    public string? Journal { get; init; }

    /// <summary>Measures speed.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Conditions and controls.</summary>
    public IReadOnlyList<ICondition> AllConditions => [.. Conditions, .. Control.All];

    /// <summary>True where a metric is to be measured on a file.</summary>
    public bool Measures(Metric metric, string file)
        => !Samples.TryGetValue(metric.Name, out var count) || Chosen(count).Contains(file);

    /// <summary>What is to be measured on a file.</summary>
    internal Metric[] MetricsOf(string file) => [.. Metrics.Where(m => Measures(m, file))];

    private HashSet<string> Chosen(int count)
    {
        lock (_chosen)
            return _chosen.TryGetValue(count, out var files) ? files : _chosen[count] = [.. Spread(ReferenceFolder, Files, count)];
    }

    /// <summary>
    /// Some of the files, spread evenly over the hours of audio in order of names: the files at which the middles of so many equal
    /// parts lie. Where names begin with source and speaker, every one of them gets its share of the time. Deterministic.
    /// </summary>
    /// <param name="folder">Where the files lie.</param>
    /// <param name="files">In order.</param>
    /// <param name="count">How many at most; files longer than a part count once, files that cannot be read are left out.</param>
    public static IReadOnlyList<string> Spread(string folder, IReadOnlyList<string> files, int count)
    {
        if (count >= files.Count)
            return files;
        var ends = new double[files.Count];
        for (var i = 0; i < ends.Length; i++)
            ends[i] = (i > 0 ? ends[i - 1] : 0) + Duration(Path.Combine(folder, files[i]));
        return [.. Enumerable.Range(0, count)
            .Select(k => Array.FindIndex(ends, end => end > ends[^1] * (k + 0.5) / count))
            .Where(i => i >= 0).Distinct().Select(i => files[i])];
    }

    private static double Duration(string path)
    {
        try
        {
            using var reader = Codec.Audio.AudioFile.OpenRead(path);
            return (double)(reader.Length ?? 0) / reader.SampleRate;
        }
        catch (Codec.Audio.AudioFileException)
        {
            return 0; // never chosen; a run without a limit names it
        }
    }

    /// <summary>Every audio file below a folder, in order of names.</summary>
    /// <exception cref="Codec.Audio.AudioFileException">No such folder, or no audio in it.</exception>
    public static IReadOnlyList<string> FindFiles(string folder)
    {
        if (!Directory.Exists(folder))
            throw new Codec.Audio.AudioFileException(folder, "no such folder");
        var files = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Where(Codec.Audio.AudioFile.HasAudioName)
            .Select(f => Path.GetRelativePath(folder, f)).Order(StringComparer.Ordinal).ToArray();
        return files.Length > 0 ? files : throw new Codec.Audio.AudioFileException(folder, $"no audio files ({string.Join(", ", Codec.Audio.AudioFile.Extensions)})");
    }
}
