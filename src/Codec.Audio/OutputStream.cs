namespace Codec.Audio;

/// <summary>A stream whose write errors name the file the user asked for, not a temporary one.</summary>
internal sealed class OutputStream(Stream inner, string name) : Stream
{
    public override bool CanRead => inner.CanRead;
    public override bool CanSeek => inner.CanSeek;
    public override bool CanWrite => inner.CanWrite;
    public override long Length => inner.Length;
    public override long Position { get => inner.Position; set => Seek(value, SeekOrigin.Begin); }

    /// <summary>The system's reason without the path that .NET appends to it.</summary>
    public static string Reason(Exception e)
        => e.Message.IndexOf(" : '", StringComparison.Ordinal) is > 0 and var end ? e.Message[..end] : e.Message.TrimEnd('.');

    /// <summary>Everything on the disk, then closed.</summary>
    public void Finish() => Guard(() =>
    {
        if (inner is FileStream file && file.CanSeek)
            file.Flush(flushToDisk: true);
        inner.Dispose();
    });

    /// <summary>Closes, whatever happens: the content is not wanted.</summary>
    public void Abandon()
    {
        try
        {
            inner.Dispose();
        }
        catch (IOException)
        {
            // The disk may be full: what could not be written is about to be deleted.
        }
    }

    public override int Read(Span<byte> buffer) => inner.Read(buffer);
    public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, count);
    public override void Flush() => Guard(inner.Flush);
    public override void SetLength(long value) => Guard(() => inner.SetLength(value));
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override long Seek(long offset, SeekOrigin origin)
    {
        long position = 0;
        Guard(() => position = inner.Seek(offset, origin)); // a seek writes out what is buffered
        return position;
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        try
        {
            inner.Write(buffer);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new OutputFileException(name, Reason(e), e);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            Guard(inner.Dispose);
        base.Dispose(disposing);
    }

    private void Guard(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new OutputFileException(name, Reason(e), e);
        }
    }
}
