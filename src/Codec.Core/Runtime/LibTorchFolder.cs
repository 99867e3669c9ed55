using System.Reflection;
using System.Runtime.InteropServices;
using Codec.Audio;
using TorchSharp;

namespace Codec.Core.Runtime;

/// <summary>
/// Loads libtorch from a folder of the user's choice, so that TorchSharp's native library, loaded later, binds to it:
/// the dynamic linker takes libraries that are already in the process by name.
/// </summary>
internal static class LibTorchFolder
{
    /// <summary>The libtorch release that this TorchSharp was compiled against; its C++ interface changes with every release.</summary>
    internal const string Release = "2.10";

    // In the order of their dependencies; those of a CUDA build may be absent.
    private static readonly string[] Libraries = ["c10", "torch_cpu", "c10_cuda", "torch_cuda", "torch"];

    /// <exception cref="ConfigException">The folder holds no libtorch, one of another release, or one that does not load.</exception>
    public static void Load(string folder)
    {
        folder = Path.GetFullPath(folder);
        CheckRelease(folder);
        foreach (var name in Libraries)
        {
            var path = Path.Combine(folder, FileName(name));
            if (!File.Exists(path))
                continue;
            try
            {
                NativeLibrary.Load(path);
            }
            catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
            {
                throw new ConfigException($"{path}: does not load: {e.Message.ReplaceLineEndings(" ")}", e);
            }
        }
        SkipBundled();
    }

    private static string FileName(string library)
        => OperatingSystem.IsWindows() ? $"{library}.dll" : OperatingSystem.IsMacOS() ? $"lib{library}.dylib" : $"lib{library}.so";

    private static void CheckRelease(string folder)
    {
        if (!File.Exists(Path.Combine(folder, FileName("torch_cpu"))))
            throw new ConfigException($"{folder}: expected the torch/lib folder of a PyTorch {Release} (with {FileName("torch_cpu")}), found none");
        var version = FoundVersion(folder);
        if (version is not null && !version.StartsWith(Release + ".", StringComparison.Ordinal))
            throw new ConfigException($"{folder}: expected libtorch {Release}, found {version}");
    }

    /// <summary>The version that PyTorch (version.py) or a libtorch archive (build-version) declares beside its lib folder.</summary>
    private static string? FoundVersion(string folder)
    {
        var parent = Path.GetDirectoryName(folder) ?? folder;
        if (Path.Combine(parent, "build-version") is var archive && File.Exists(archive))
            return File.ReadAllText(archive).Trim();
        if (Path.Combine(parent, "version.py") is var python && File.Exists(python))
            return File.ReadLines(python)
                .Where(line => line.StartsWith("__version__", StringComparison.Ordinal))
                .Select(line => line[(line.IndexOf('=') + 1)..].Trim(' ', '\'', '"'))
                .FirstOrDefault();
        return null;
    }

    /// <summary>
    /// TorchSharp would load the bundled libtorch_cpu by its path, which the dynamic linker takes for a second library;
    /// told that this is done, it goes on to its own native library.
    /// </summary>
    private static void SkipBundled()
    {
        var loaded = typeof(torch).GetField("nativeBackendLoaded", BindingFlags.Static | BindingFlags.NonPublic)
            ?? throw new ConfigException($"TorchSharp {typeof(torch).Assembly.GetName().Version} cannot be given another libtorch");
        loaded.SetValue(null, true);
    }
}
