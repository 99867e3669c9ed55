using Codec.Evaluation.Conditions;
using Codec.Evaluation.Metrics;

namespace Codec.Evaluation.Runs;

/// <summary>What is to be measured.</summary>
public sealed record EvaluationPlan
{
    /// <summary>Folder of the references.</summary>
    public required string ReferenceFolder { get; init; }

    /// <summary>Paths below the folder.</summary>
    public required IReadOnlyList<string> Files { get; init; }

    /// <summary>Codecs and folders; the controls are added by the runner.</summary>
    public required IReadOnlyList<ICondition> Conditions { get; init; }

    public required IReadOnlyList<Metric> Metrics { get; init; }

    /// <summary>Files at a time: bounds memory.</summary>
    public int Jobs { get; init; } = 1;

    /// <summary>Rows are kept here as they come, so that an interrupted run goes on; null for none.</summary>
    public string? Journal { get; init; }

    /// <summary>Measures speed.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Conditions and controls.</summary>
    public IReadOnlyList<ICondition> AllConditions => [.. Conditions, .. Control.All];

    /// <summary>Every audio file below a folder, in order of names.</summary>
    /// <exception cref="Codec.Audio.AudioFileException">No such folder, or no audio in it.</exception>
    public static IReadOnlyList<string> FindFiles(string folder)
    {
        if (!Directory.Exists(folder))
            throw new Codec.Audio.AudioFileException(folder, "no such folder");
        string[] extensions = [".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif"];
        var files = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Where(f => extensions.Contains(Path.GetExtension(f).ToLowerInvariant()))
            .Select(f => Path.GetRelativePath(folder, f)).Order(StringComparer.Ordinal).ToArray();
        return files.Length > 0 ? files : throw new Codec.Audio.AudioFileException(folder, $"no audio files ({string.Join(", ", extensions)})");
    }
}
