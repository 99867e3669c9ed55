using System.Globalization;
using System.Runtime.InteropServices;

namespace Codec.Core.Runtime;

/// <summary>
/// The environment that native libraries see. <see cref="Environment.SetEnvironmentVariable(string, string)"/> changes
/// only .NET's copy on Unix; libgomp and libtorch call getenv.
/// </summary>
internal static partial class NativeEnvironment
{
    /// <summary>Sets the switches that libgomp and libtorch read once, when they are loaded.</summary>
    /// <param name="options">What the program asks for.</param>
    /// <param name="threads">Of libgomp, for a libtorch that is loaded without being asked for its threads.</param>
    public static void Prepare(TorchRuntimeOptions options, int threads)
    {
        SetDefault("OMP_NUM_THREADS", threads.ToString(CultureInfo.InvariantCulture));
        if (options.PassiveWaiting)
            SetDefault("OMP_WAIT_POLICY", "passive");
        if (options.HugePages)
            SetDefault("THP_MEM_ALLOC_ENABLE", "1");
    }

    /// <summary>Sets a variable unless the user has set it.</summary>
    private static void SetDefault(string name, string value)
    {
        if (OperatingSystem.IsLinux() || OperatingSystem.IsMacOS())
            _ = SetVariable(name, value, overwrite: 0);
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);
}
