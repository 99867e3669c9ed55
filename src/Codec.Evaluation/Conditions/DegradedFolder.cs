using Codec.Audio;

namespace Codec.Evaluation.Conditions;

/// <summary>Results of another system: a folder with files of the same names (the extension may differ).</summary>
public sealed class DegradedFolder(string folder) : ICondition
{
    public string Name { get; } = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
    public string Family => Name;
    public double? NominalBitsPerSecond => null;
    public string? Problem => Directory.Exists(folder) ? null : $"{folder}: no such folder";

    public string Fingerprint(string relativePath) => FileStamp.Of(Locate(relativePath));

    public Transcoded Run(AudioBuffer input, ConditionContext context, CancellationToken cancellation)
    {
        var path = Locate(context.RelativePath);
        return new Transcoded(AudioFile.Read(path ?? throw new AudioFileException(Path.Combine(folder, context.RelativePath), "no such file, with any extension")));
    }

    private string? Locate(string relativePath)
    {
        var stem = Path.Combine(folder, Path.ChangeExtension(relativePath, null));
        return AudioFile.Extensions.Select(e => stem + e).Prepend(Path.Combine(folder, relativePath)).FirstOrDefault(File.Exists);
    }
}
