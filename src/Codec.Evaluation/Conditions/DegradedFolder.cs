using Codec.Audio;

namespace Codec.Evaluation.Conditions;

/// <summary>Results of another system: a folder with files of the same names (the extension may differ).</summary>
public sealed class DegradedFolder(string folder) : ICondition
{
    private static readonly string[] Extensions = [".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff"];

    public string Name { get; } = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
    public string Family => Name;
    public double? NominalBitsPerSecond => null;
    public string? Problem => Directory.Exists(folder) ? null : $"{folder}: no such folder";

    public Transcoded Run(AudioBuffer input, ConditionContext context, CancellationToken cancellation)
    {
        var stem = Path.Combine(folder, Path.ChangeExtension(context.RelativePath, null));
        var path = Path.Combine(folder, context.RelativePath);
        if (!File.Exists(path))
            path = Extensions.Select(e => stem + e).FirstOrDefault(File.Exists)
                ?? throw new AudioFileException(path, "no such file, with any extension");
        return new Transcoded(AudioFile.Read(path));
    }
}
