namespace Codec.Audio;

/// <summary>A mistake in the input or the set-up: its message is one line made for the user.</summary>
public class CodecException(string message, Exception? inner = null) : Exception(OneLine(message), inner)
{
    /// <summary>Names out of hostile files may hold line ends and what else steers a terminal.</summary>
    private static string OneLine(string text)
        => text.Any(char.IsControl) ? string.Concat(text.Select(c => char.IsControl(c) ? '?' : c)) : text;
}

/// <summary>An audio file that cannot be read or written.</summary>
public sealed class AudioFileException(string file, string problem, Exception? inner = null)
    : CodecException($"{file}: {problem}", inner)
{
    /// <summary>Path of the file, or "-" for a standard stream.</summary>
    public string File { get; } = file;
}

/// <summary>A file that cannot be created, filled or put in place: no space, no permission, already there.</summary>
public sealed class OutputFileException(string file, string problem, Exception? inner = null)
    : CodecException($"{file}: {problem}", inner)
{
    public string File { get; } = file;
}

/// <summary>A configuration value that is out of range, unknown, or contradicts another.</summary>
public sealed class ConfigException(string message, Exception? inner = null) : CodecException(message, inner);
