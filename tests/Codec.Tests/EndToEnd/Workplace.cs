using Codec.Audio;

namespace Codec.Tests.EndToEnd;

/// <summary>A temporary folder in which commands run, with clips made from the fixtures.</summary>
internal sealed class Workplace : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public string Path => _folder.Path;

    public string this[params string[] parts] => _folder.Combine(parts);

    public static string Fixture(string name) => System.IO.Path.Combine(SharedFolder.RepositoryRoot, "audio-fixtures", name);

    /// <summary>Writes a piece of the spoken fixture; further channels are delayed copies.</summary>
    /// <param name="name">File below the folder.</param>
    /// <param name="samples">Per channel, at <paramref name="rate"/>.</param>
    /// <param name="rate">Hz.</param>
    /// <param name="channels">Of the file.</param>
    /// <returns>Its path.</returns>
    public string Speech(string name, int samples = 6000, int rate = 16000, int channels = 1)
    {
        var speech = AudioFile.Read(Fixture("speech.wav"));
        var audio = new AudioBuffer([.. Enumerable.Range(0, channels).Select(c => speech.Channel(0)[(8000 + 50 * c)..(8000 + 50 * c + samples)])], rate);
        var path = _folder.Combine(name);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        AudioFile.Write(path, audio);
        return path;
    }

    /// <summary>Writes any bytes.</summary>
    public string File(string name, ReadOnlySpan<byte> bytes)
    {
        var path = _folder.Combine(name);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        System.IO.File.WriteAllBytes(path, bytes.ToArray());
        return path;
    }

    /// <summary>Runs a command that must succeed without a word on standard error.</summary>
    public static CommandLineRun Succeeds(params string[] args)
    {
        var run = CommandLineRun.Of(args);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        return run;
    }

    /// <summary>Runs a command that must fail with one line that names the cause, and must change nothing.</summary>
    public void Fails(int exitCode, string cause, params string[] args)
    {
        var before = Contents();
        var run = CommandLineRun.Of(args);
        Assert.Equal(exitCode, run.ExitCode);
        var line = Assert.Single(run.ErrorLines);
        Assert.StartsWith("error: ", line);
        Assert.Contains(cause, line);
        Assert.DoesNotContain("internal error", line);
        Assert.Empty(run.Out);
        Assert.Empty(run.OutBytes);
        Assert.Equal(before, Contents());
    }

    /// <summary>Everything in the folder: relative names, and the bytes of files.</summary>
    public string[] Contents()
        => [.. Directory.EnumerateFileSystemEntries(Path, "*", SearchOption.AllDirectories)
            .Select(entry => System.IO.Path.GetRelativePath(Path, entry) + (System.IO.File.Exists(entry) ? " " + Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(System.IO.File.ReadAllBytes(entry))) : ""))
            .Order(StringComparer.Ordinal)];

    public void Dispose() => _folder.Dispose();
}
