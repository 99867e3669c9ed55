using System.Reflection;
using System.Runtime.InteropServices;

namespace Codec.Audio.SndFile;

/// <summary>What this project calls of libsndfile (LGPL, linked at run time).</summary>
internal static unsafe partial class SndFileNative
{
    public const int ModeRead = 0x10, ModeWrite = 0x20;
    public const int SetClipping = 0x10C0;
    private const string Library = "sndfile";
    private static readonly Lazy<nint> Loaded = new(Load);

    static SndFileNative()
        => NativeLibrary.SetDllImportResolver(typeof(SndFileNative).Assembly,
            (name, _, _) => name == Library ? Loaded.Value : 0);

    /// <summary>False where the library is not installed.</summary>
    public static bool IsAvailable => Loaded.Value != 0;

    [StructLayout(LayoutKind.Sequential)]
    public struct Info
    {
        public long Frames;
        public int SampleRate, Channels, Format, Sections, Seekable;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct VirtualIo
    {
        public delegate* unmanaged<nint, long> Length;
        public delegate* unmanaged<long, int, nint, long> Seek;
        public delegate* unmanaged<void*, long, nint, long> Read;
        public delegate* unmanaged<void*, long, nint, long> Write;
        public delegate* unmanaged<nint, long> Tell;
    }

    [LibraryImport(Library, EntryPoint = "sf_open_virtual")]
    public static partial SndFileHandle OpenVirtual(VirtualIo* io, int mode, Info* info, nint user);

    [LibraryImport(Library, EntryPoint = "sf_close")]
    public static partial int Close(nint file);

    [LibraryImport(Library, EntryPoint = "sf_strerror")]
    public static partial nint Error(SndFileHandle file);

    [LibraryImport(Library, EntryPoint = "sf_strerror")]
    public static partial nint LastOpenError(nint none);

    [LibraryImport(Library, EntryPoint = "sf_error")]
    public static partial int ErrorNumber(SndFileHandle file);

    [LibraryImport(Library, EntryPoint = "sf_version_string")]
    public static partial nint Version();

    [LibraryImport(Library, EntryPoint = "sf_readf_float")]
    public static partial long ReadFloat(SndFileHandle file, float* samples, long frames);

    [LibraryImport(Library, EntryPoint = "sf_writef_float")]
    public static partial long WriteFloat(SndFileHandle file, float* samples, long frames);

    [LibraryImport(Library, EntryPoint = "sf_command")]
    public static partial int Command(SndFileHandle file, int command, void* data, int size);

    /// <summary>The last error of a handle, or of the last failed open where it is null.</summary>
    public static string ErrorText(SndFileHandle? file)
        => (Marshal.PtrToStringUTF8(file is null ? LastOpenError(0) : Error(file)) ?? "unknown error").TrimEnd('.', '\n', ' ');

    private static nint Load()
    {
        string[] names = ["libsndfile.so.1", "libsndfile.so", "libsndfile.1.dylib", "libsndfile.dylib", "sndfile.dll", "libsndfile-1.dll"];
        foreach (var name in names)
            if (NativeLibrary.TryLoad(name, Assembly.GetExecutingAssembly(), null, out var handle))
                return handle;
        return 0;
    }
}

/// <summary>Owns one open SNDFILE.</summary>
internal sealed class SndFileHandle() : SafeHandle(0, true)
{
    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle() => SndFileNative.Close(handle) == 0;
}
