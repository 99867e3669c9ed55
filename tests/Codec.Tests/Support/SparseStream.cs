namespace Codec.Tests.Support;

/// <summary>A seekable stream of any length that keeps only the pages that hold something but zeros.</summary>
public sealed class SparseStream : Stream
{
    private const int PageBytes = 1 << 16;
    private readonly Dictionary<long, byte[]> _pages = [];
    private long _length;

    public override bool CanRead => true;
    public override bool CanSeek => true;
    public override bool CanWrite => true;
    public override long Length => _length;
    public override long Position { get; set; }

    public override int Read(Span<byte> buffer)
    {
        var offset = (int)(Position % PageBytes);
        var count = (int)Math.Min(Math.Min(buffer.Length, PageBytes - offset), Math.Max(0, _length - Position));
        if (_pages.TryGetValue(Position / PageBytes, out var page))
            page.AsSpan(offset, count).CopyTo(buffer);
        else
            buffer[..count].Clear();
        Position += count;
        return count;
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var offset = (int)(Position % PageBytes);
            var part = buffer[..Math.Min(buffer.Length, PageBytes - offset)];
            if (!_pages.TryGetValue(Position / PageBytes, out var page) && part.ContainsAnyExcept((byte)0))
                _pages[Position / PageBytes] = page = new byte[PageBytes];
            if (page is not null)
                part.CopyTo(page.AsSpan(offset));
            Position += part.Length;
            buffer = buffer[part.Length..];
        }
        _length = Math.Max(_length, Position);
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));
    public override void Flush() { }
    public override void SetLength(long value) => _length = value;

    public override long Seek(long offset, SeekOrigin origin)
        => Position = offset + origin switch { SeekOrigin.Begin => 0, SeekOrigin.Current => Position, _ => _length };
}
