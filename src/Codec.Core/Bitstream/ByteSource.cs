namespace Codec.Core.Bitstream;

/// <summary>A window that slides over a stream. Never reads ahead of what is asked for beyond what has already arrived.</summary>
internal sealed class ByteSource(Stream stream)
{
    private byte[] _bytes = new byte[4096];
    private int _start;
    private int _end;
    private bool _ended;

    /// <summary>Position in the file of the window's first byte, where the source began at 0.</summary>
    public long Position { get; private set; }

    /// <summary>Bytes in the window.</summary>
    public int Available => _end - _start;

    public ReadOnlySpan<byte> Window => _bytes.AsSpan(_start, Available);

    public ReadOnlyMemory<byte> Memory(int offset, int count) => _bytes.AsMemory(_start + offset, count);

    /// <summary>Waits until the window holds <paramref name="count"/> bytes; false where the stream ends before.</summary>
    public bool Ensure(int count)
    {
        while (Available < count && !_ended)
        {
            if (_end == _bytes.Length)
                MakeRoom();
            var read = stream.Read(_bytes, _end, _bytes.Length - _end);
            _ended = read == 0;
            _end += read;
        }
        return Available >= count;
    }

    public void Skip(int count)
    {
        _start += count;
        Position += count;
    }

    /// <summary>Goes to a place in a seekable stream.</summary>
    /// <param name="offset">Where the underlying stream is to go on.</param>
    /// <param name="position">The same in the counting of <see cref="Position"/>.</param>
    public void Jump(long offset, long position)
    {
        stream.Position = offset;
        _start = _end = 0;
        _ended = false;
        Position = position;
    }

    /// <summary>Buffers double only when they are full, so a declared length alone allocates nothing.</summary>
    private void MakeRoom()
    {
        if (_start < _bytes.Length / 2)
        {
            var larger = new byte[2 * _bytes.Length];
            Window.CopyTo(larger);
            _bytes = larger;
        }
        else
            Window.CopyTo(_bytes);
        _end -= _start;
        _start = 0;
    }
}
