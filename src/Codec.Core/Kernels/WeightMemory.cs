using System.Runtime.InteropServices;

namespace Codec.Core.Kernels;

/// <summary>
/// Where packed weights lie: few large pieces, on Linux in huge pages. A single frame reads every weight once, in order; with
/// ordinary pages a third of its time goes into finding them. Taking is not thread-safe.
/// </summary>
internal sealed unsafe partial class WeightMemory : IDisposable
{
    private const long Page = 1 << 21, Piece = 1 << 24; // bytes
    private const int HugePages = 14; // MADV_HUGEPAGE of Linux

    private readonly List<nint> _pieces = [];
    private byte* _next;
    private long _left;

    ~WeightMemory() => Free();

    /// <summary>Zeros, aligned to cache lines; they live as long as this object.</summary>
    public float* Take(long floats)
    {
        var bytes = checked((floats * sizeof(float) + 63) / 64 * 64);
        if (bytes > _left)
            Add(Math.Max(bytes, Piece));
        byte* taken = _next;
        _next += bytes;
        _left -= bytes;
        NativeMemory.Clear(taken, (nuint)bytes);
        return (float*)taken;
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Add(long bytes)
    {
        bytes = (bytes + Page - 1) / Page * Page;
        _next = (byte*)NativeMemory.AlignedAlloc((nuint)bytes, (nuint)Page);
        _left = bytes;
        _pieces.Add((nint)_next);
        if (OperatingSystem.IsLinux())
            _ = Advise(_next, (nuint)bytes, HugePages); // a wish: without it all is as fast as it was
    }

    private void Free()
    {
        foreach (var piece in _pieces)
            NativeMemory.AlignedFree((void*)piece);
        _pieces.Clear();
        _left = 0;
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
