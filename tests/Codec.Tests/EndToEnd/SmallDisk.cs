using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;

namespace Codec.Tests.EndToEnd;

/// <summary>A file system of a few kilobytes, to be filled up.</summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly string _folder;

    private SmallDisk(string folder) => _folder = folder;

    /// <returns>False where this user may not mount one.</returns>
    public static bool TryMount(string folder, int kilobytes, [NotNullWhen(true)] out SmallDisk? disk)
    {
        Directory.CreateDirectory(folder);
        var mounted = OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess
            && Run("mount", "-t", "tmpfs", "-o", $"size={kilobytes}k", "tmpfs", folder);
        disk = mounted ? new SmallDisk(folder) : null;
        return mounted;
    }

    /// <summary>Uses up what is left.</summary>
    public void Fill()
    {
        try
        {
            using var filler = new FileStream(Path.Combine(_folder, "filler"), FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
            while (true)
                filler.Write(new byte[512]);
        }
        catch (IOException)
        {
            // Full, as wanted.
        }
    }

    public void Dispose() => Run("umount", _folder);

    private static bool Run(string program, params string[] args)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, args) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false; // no such program
        }
    }
}
