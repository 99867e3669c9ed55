namespace Codec.Audio;

/// <summary>Writes a format that must seek to a stream that cannot: through a temporary file.</summary>
internal sealed class SpooledWriter : AudioWriter
{
    private readonly FileStream _spool;
    private readonly AudioWriter _writer;
    private readonly Stream _target;

    public SpooledWriter(Stream target, Func<Stream, AudioWriter> create)
    {
        _target = target;
        _spool = Spool();
        try
        {
            _writer = create(_spool);
        }
        catch
        {
            _spool.Dispose();
            throw;
        }
    }

    public override int SampleRate => _writer.SampleRate;

    public override int Channels => _writer.Channels;

    /// <summary>An empty file that vanishes when it is closed.</summary>
    public static FileStream Spool()
        => new(Path.Combine(Path.GetTempPath(), Path.GetRandomFileName()), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.DeleteOnClose);

    public override void Write(ReadOnlySpan<float> interleaved) => _writer.Write(interleaved);

    public override void Complete()
    {
        _writer.Complete();
        _spool.Position = 0;
        _spool.CopyTo(_target);
        _target.Flush();
    }

    protected override void Dispose(bool disposing)
    {
        _writer.Dispose();
        _spool.Dispose();
    }
}
