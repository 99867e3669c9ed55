using System.Runtime.InteropServices;

namespace Codec.Core.Kernels;

/// <summary>Zeroed float32 memory outside the collected heap, aligned to cache lines: pointers into it stay valid while it lives.</summary>
internal sealed unsafe class AlignedFloats : IDisposable
{
    private float* _first;

    public AlignedFloats(long count)
    {
        Count = count;
        var bytes = checked((nuint)Math.Max(count, 1) * sizeof(float));
        _first = (float*)NativeMemory.AlignedAlloc(bytes, 64);
        NativeMemory.Clear(_first, bytes);
    }

    ~AlignedFloats() => Free();

    public long Count { get; }

    public float* Pointer
    {
        get
        {
            ObjectDisposedException.ThrowIf(_first == null, this);
            return _first;
        }
    }

    /// <summary>The same memory where it is large enough, else a new one in its place.</summary>
    public static AlignedFloats Grow(ref AlignedFloats? memory, long count)
    {
        if (memory is null || memory.Count < count)
        {
            memory?.Dispose();
            memory = new AlignedFloats(count);
        }
        return memory;
    }

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        NativeMemory.AlignedFree(_first);
        _first = null;
    }
}
