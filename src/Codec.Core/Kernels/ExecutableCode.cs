using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Codec.Core.Kernels;

/// <summary>Instructions that this project's own code writes, for those of a processor that .NET cannot name. Memory is written first and then made executable, never both at once.</summary>
[SupportedOSPlatform("linux")]
internal static unsafe partial class ExecutableCode
{
    private const int Read = 1, Write = 2, Execute = 4;    // PROT_ of Linux
    private const int Private = 0x02, Anonymous = 0x20;    // MAP_ of Linux

    /// <summary>A function that lives as long as the process; null where the system refuses (a hardened one may).</summary>
    /// <param name="code">Position-independent.</param>
    public static void* TryMake(ReadOnlySpan<byte> code)
    {
        var length = (nuint)(code.Length + 4095) / 4096 * 4096;
        byte* memory = (byte*)Map(null, length, Read | Write, Private | Anonymous, -1, 0);
        if (memory == (byte*)-1)
            return null;
        code.CopyTo(new Span<byte>(memory, code.Length));
        if (Protect(memory, length, Read | Execute) == 0)
            return memory;
        _ = Unmap(memory, length);
        return null;
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial void* Map(void* address, nuint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(void* address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(void* address, nuint length);
}
