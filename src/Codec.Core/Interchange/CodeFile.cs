using Codec.Audio;
using Codec.Core.Bitstream;
using Codec.Core.Tokens;

namespace Codec.Core.Interchange;

/// <summary>Files of codes of every kind, by extension: ours, EnCodec's, DAC's, and token files.</summary>
public static class CodeFile
{
    public const string Container = ".cdc", Encodec = ".ecdc", Dac = ".dac";

    /// <summary>Largest file that is read as a whole.</summary>
    private const long MostBytes = 1 << 30;

    /// <summary>All kinds, with their dot.</summary>
    public static IReadOnlyList<string> Extensions { get; } = [Container, Encodec, Dac, .. TokenFile.Extensions];

    /// <summary>The recordings of a file: one, or any number from a token file.</summary>
    /// <exception cref="AudioFileException">Missing, damaged, or of another kind.</exception>
    /// <exception cref="TokenFileException">A damaged token file.</exception>
    public static IEnumerable<TokenizedAudio> Read(string path)
    {
        try
        {
            return Extension(path) switch
            {
                Container => [ReadContainer(path)],
                Encodec => [EcdcCodes.Read(ReadBytes(path), path)],
                Dac => [DacCodes.Read(path)],
                _ => TokenFile.Read(path),
            };
        }
        catch (BitstreamException e)
        {
            throw new AudioFileException(path, e.Message, e);
        }
        catch (Checkpoints.CheckpointException e)
        {
            throw new AudioFileException(path, e.Message.Replace($"{path}: ", "", StringComparison.Ordinal), e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new AudioFileException(path, e is FileNotFoundException or DirectoryNotFoundException ? "no such file" : e.Message, e);
        }
    }

    /// <summary>Writes one recording as <see cref="Container"/>, <see cref="Encodec"/> or <see cref="Dac"/>.</summary>
    /// <returns>What the kind of file could not say; null where nothing was lost.</returns>
    /// <exception cref="TokenFileException">Codes of another codec than the kind is for.</exception>
    public static string? Write(TokenizedAudio recording, Stream stream, string extension)
    {
        if (extension == Container)
        {
            ContainerCodes.Write(recording, stream, recording.Source);
            return null;
        }
        if (extension == Encodec)
        {
            stream.Write(EcdcCodes.Write(recording, recording.Source));
            return recording.Tags.Length > 0 || recording.SampleRate != recording.CodecRate ? ".ecdc has no place for tags and for another rate of the original" : null;
        }
        var (file, guessed) = DacCodes.Write(recording, recording.Source);
        file.Write(stream);
        return guessed ? $".dac asks for the loudness of the original, which is not known: {file.InputDb[0]} dB is written" : null;
    }

    /// <returns>In lower case, with its dot.</returns>
    /// <exception cref="ConfigException">Of no kind that is known.</exception>
    public static string Extension(string path)
    {
        var extension = Path.GetExtension(path).ToLowerInvariant();
        return Extensions.Contains(extension) ? extension
            : throw new ConfigException($"{path}: expected a name that ends in {string.Join(", ", Extensions)}, found '{extension}'");
    }

    private static TokenizedAudio ReadContainer(string path)
    {
        using var file = new CodecFileReader(File.OpenRead(path));
        return ContainerCodes.Read(file, path);
    }

    private static byte[] ReadBytes(string path)
    {
        using var stream = File.OpenRead(path);
        if (stream.Length > MostBytes)
            throw new AudioFileException(path, $"expected at most {MostBytes} bytes, found {stream.Length}");
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
