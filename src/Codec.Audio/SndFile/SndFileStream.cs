using System.Runtime.InteropServices;

namespace Codec.Audio.SndFile;

/// <summary>Lends a seekable stream to libsndfile. Exceptions must not cross native frames: the first is kept for the caller.</summary>
internal sealed unsafe class SndFileStream : IDisposable
{
    private readonly Stream _stream;
    private readonly bool _leaveOpen;
    private GCHandle _self;

    public SndFileStream(Stream stream, bool leaveOpen = false)
    {
        (_stream, _leaveOpen) = (stream, leaveOpen);
        _self = GCHandle.Alloc(this);
    }

    /// <summary>What the stream threw inside a callback.</summary>
    public Exception? Failure { get; private set; }

    public SndFileHandle Open(int mode, ref SndFileNative.Info info)
    {
        var io = new SndFileNative.VirtualIo { Length = &Length, Seek = &Seek, Read = &Read, Write = &Write, Tell = &Tell };
        fixed (SndFileNative.Info* pointer = &info)
            return SndFileNative.OpenVirtual(&io, mode, pointer, GCHandle.ToIntPtr(_self));
    }

    public void Flush() => _stream.Flush();

    public void Dispose()
    {
        if (_self.IsAllocated)
            _self.Free();
        if (!_leaveOpen)
            _stream.Dispose();
    }

    private static long Guard(nint user, Func<Stream, long> action, long failed)
    {
        var self = (SndFileStream)GCHandle.FromIntPtr(user).Target!;
        if (self.Failure is not null)
            return failed;
        try
        {
            return action(self._stream);
        }
        catch (Exception e)
        {
            self.Failure = e;
            return failed;
        }
    }

    [UnmanagedCallersOnly]
    private static long Length(nint user) => Guard(user, s => s.Length, -1);

    [UnmanagedCallersOnly]
    private static long Tell(nint user) => Guard(user, s => s.Position, -1);

    [UnmanagedCallersOnly]
    private static long Seek(long offset, int whence, nint user) => Guard(user, s =>
    {
        var target = offset + (whence switch { 0 => 0, 1 => s.Position, _ => s.Length });
        if (target < 0)
            return -1;
        return s.Position = target;
    }, -1);

    [UnmanagedCallersOnly]
    private static long Read(void* bytes, long count, nint user)
        => Guard(user, s => s.ReadAtLeast(new Span<byte>(bytes, (int)Math.Min(count, int.MaxValue)), (int)Math.Min(count, int.MaxValue), false), 0);

    [UnmanagedCallersOnly]
    private static long Write(void* bytes, long count, nint user) => Guard(user, s =>
    {
        s.Write(new ReadOnlySpan<byte>(bytes, checked((int)count)));
        return count;
    }, 0);
}
