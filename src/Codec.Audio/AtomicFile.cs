namespace Codec.Audio;

/// <summary>
/// A file that appears under its name only when it is complete: it is written beside its target and renamed by
/// <see cref="Commit"/>. Disposing without commit leaves nothing behind.
/// </summary>
public sealed class AtomicFile : IDisposable
{
    private readonly string _target;   // where links lead
    private readonly string _temporary;
    private readonly bool _overwrite;
    private readonly OutputStream _stream;
    private bool _committed;

    /// <param name="path">Final name; links are followed, devices such as /dev/null are written in place.</param>
    /// <param name="overwrite">False: an existing file is an error, now and at the commit.</param>
    /// <exception cref="OutputFileException">The file exists or its folder cannot be written.</exception>
    public AtomicFile(string path, bool overwrite = true)
    {
        Path = path;
        _overwrite = overwrite;
        var device = path.StartsWith("/dev/", StringComparison.Ordinal);
        try
        {
            _target = new FileInfo(path).LinkTarget is null ? System.IO.Path.GetFullPath(path) : File.ResolveLinkTarget(path, true)!.FullName;
            if (Directory.Exists(_target))
                throw new OutputFileException(path, "is a folder");
            if (!overwrite && !device && File.Exists(_target))
                throw Exists(null);
            var folder = System.IO.Path.GetDirectoryName(_target)!;
            _temporary = device ? _target
                : System.IO.Path.Combine(folder, $".{System.IO.Path.GetRandomFileName()}.tmp");
            _stream = new OutputStream(
                new FileStream(_temporary, device ? FileMode.Open : FileMode.CreateNew, device ? FileAccess.Write : FileAccess.ReadWrite, FileShare.Read), path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new OutputFileException(path, e is DirectoryNotFoundException ? "its folder does not exist" : OutputStream.Reason(e), e);
        }
    }

    /// <summary>The final name, as given.</summary>
    public string Path { get; }

    /// <summary>The content; its errors are <see cref="OutputFileException"/>s that name the file.</summary>
    public Stream Stream => _stream;

    /// <summary>Writes a whole file or nothing.</summary>
    public static void Write(string path, Action<Stream> fill, bool overwrite = true)
    {
        using var file = new AtomicFile(path, overwrite);
        fill(file.Stream);
        file.Commit();
    }

    /// <summary>Puts the finished file in place.</summary>
    /// <exception cref="OutputFileException">It cannot be written out or renamed, or exists meanwhile.</exception>
    public void Commit()
    {
        ObjectDisposedException.ThrowIf(_committed, this);
        try
        {
            _stream.Finish();
            if (_temporary != _target)
                File.Move(_temporary, _target, _overwrite);
            _committed = true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw !_overwrite && File.Exists(_target) ? Exists(e) : new OutputFileException(Path, OutputStream.Reason(e), e);
        }
    }

    public void Dispose()
    {
        if (_committed)
            return;
        _stream.Abandon();
        if (_temporary != _target)
            File.Delete(_temporary);
        _committed = true;
    }

    private OutputFileException Exists(Exception? inner) => new(Path, "exists already", inner);
}
