using System.Globalization;

namespace Codec.Evaluation.Conditions;

/// <summary>Tells whether a file is still the one of an earlier run: length and time of the last change.</summary>
internal static class FileStamp
{
    /// <summary>Empty where there is no such file.</summary>
    public static string Of(string? path)
        => path is not null && new FileInfo(path) is { Exists: true } file
            ? string.Create(CultureInfo.InvariantCulture, $"{file.Length}-{file.LastWriteTimeUtc.Ticks:x}")
            : "";
}
