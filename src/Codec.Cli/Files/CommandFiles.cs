using Codec.Audio;
using Codec.Core.Bitstream;

namespace Codec.Cli.Files;

/// <summary>Opens inputs and outputs by name, where "-" is a standard stream.</summary>
internal static class CommandFiles
{
    /// <exception cref="AudioFileException">Missing, or no audio.</exception>
    public static AudioReader OpenAudio(string input, Terminal terminal)
        => input == FileJob.StandardStream ? AudioFile.OpenRead(terminal.OpenInput(), input) : AudioFile.OpenRead(input);

    /// <summary>A compressed file before its first block.</summary>
    /// <exception cref="AudioFileException">Missing or unreadable.</exception>
    /// <exception cref="BitstreamException">Not a compressed file.</exception>
    public static CodecFileReader OpenCompressed(string input, Terminal terminal)
    {
        var stream = OpenBytes(input, terminal);
        try
        {
            return new CodecFileReader(stream);
        }
        catch (BitstreamException e)
        {
            stream.Dispose();
            throw new AudioFileException(input, e.Message, e);
        }
    }

    /// <summary>The bytes of an input.</summary>
    /// <exception cref="AudioFileException">Missing or unreadable.</exception>
    public static Stream OpenBytes(string input, Terminal terminal)
    {
        if (input == FileJob.StandardStream)
            return terminal.OpenInput();
        if (Directory.Exists(input))
            throw new AudioFileException(input, "is a folder");
        try
        {
            return new FileStream(input, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new AudioFileException(input, e is FileNotFoundException or DirectoryNotFoundException ? "no such file" : e.Message, e);
        }
    }

    /// <summary>Refuses early what would be refused when the work is done.</summary>
    /// <exception cref="OutputFileException">The file exists.</exception>
    public static void RequireFree(string output, bool force)
    {
        if (!force && output != FileJob.StandardStream && File.Exists(output) && !output.StartsWith("/dev/", StringComparison.Ordinal))
            throw new OutputFileException(output, "exists already: give --force to replace it");
    }

    /// <summary>Writes a file that appears when it is complete, or standard output.</summary>
    /// <exception cref="OutputFileException">It exists and is not to be replaced, or cannot be written.</exception>
    public static T Write<T>(string output, bool force, Terminal terminal, Func<Stream, T> fill)
    {
        if (output == FileJob.StandardStream)
        {
            using var stream = terminal.OpenOutput();
            return fill(stream);
        }
        CreateFolder(output);
        using var file = new AtomicFile(output, force);
        var result = fill(file.Stream);
        file.Commit();
        return result;
    }

    /// <summary>The folder of a file that is about to be written.</summary>
    public static void CreateFolder(string output)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(output))!;
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new OutputFileException(output, $"its folder cannot be created: {e.Message}", e);
        }
    }
}
