using System.Runtime.InteropServices;

namespace Codec.Audio.SndFile;

/// <summary>The libsndfile of this machine.</summary>
public static class SndFileLibrary
{
    internal const string Advice = "install libsndfile (Debian, Ubuntu: apt-get install libsndfile1)";

    /// <summary>False where the library is not installed: only WAV can then be read and written.</summary>
    public static bool IsAvailable => SndFileNative.IsAvailable;

    /// <summary>E.g. "libsndfile-1.2.2"; null where it is not installed.</summary>
    public static string? Version => IsAvailable ? Marshal.PtrToStringUTF8(SndFileNative.Version()) : null;

    internal static void Need(string file)
    {
        if (!IsAvailable)
            throw new AudioFileException(file, $"only WAV is read and written without libsndfile: {Advice}");
    }
}
