using System.Runtime.InteropServices;

namespace Codec.Core.Runtime;

/// <summary>
/// The environment that native libraries see. <see cref="Environment.SetEnvironmentVariable(string, string)"/> changes
/// only .NET's copy on Unix; libgomp and libtorch call getenv.
/// </summary>
internal static partial class NativeEnvironment
{
    /// <summary>Sets a variable unless the user has set it.</summary>
    public static void SetDefault(string name, string value)
    {
        if (OperatingSystem.IsLinux() || OperatingSystem.IsMacOS())
            _ = SetVariable(name, value, overwrite: 0);
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);
}
