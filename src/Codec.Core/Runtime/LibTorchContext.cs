using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using Codec.Audio;

namespace Codec.Core.Runtime;

/// <summary>
/// Runs a program on the libtorch of an installed PyTorch, or of a libtorch archive, instead of the bundled one: a machine
/// with PyTorch lends its CUDA build. TorchSharp loads libtorch_cpu by name, and the runtime finds the bundled file first
/// without asking anyone; only a load context of our own is asked before. So the program starts again inside this one.
/// </summary>
public sealed class LibTorchContext : AssemblyLoadContext
{
    private const string ContextName = "libtorch";

    // In the order of their dependencies; those of a CUDA build may be absent. TorchSharp's library, loaded later, binds
    // to them: the dynamic linker takes libraries that are already in the process by name.
    private static readonly string[] Libraries = ["c10", "torch_cpu", "c10_cuda", "torch_cuda", "torch"];

    private readonly AssemblyDependencyResolver _resolver;
    private readonly Dictionary<string, nint> _loaded = [];

    private LibTorchContext(string program, string folder) : base(ContextName)
    {
        _resolver = new AssemblyDependencyResolver(program);
        foreach (var name in Libraries)
            if (PathOf(folder, name) is var path && File.Exists(path))
                _loaded[name] = NativeLibrary.Load(path);
    }

    /// <summary>The libtorch release that this TorchSharp was compiled against; its C++ interface changes with every release.</summary>
    public const string Release = "2.10";

    /// <summary>True for code that runs inside such a context.</summary>
    public static bool IsActive => GetLoadContext(typeof(LibTorchContext).Assembly)?.Name == ContextName;

    /// <summary>Why a folder cannot serve, in one line; null where nothing speaks against it.</summary>
    /// <param name="folder">torch/lib of a PyTorch, lib of a libtorch archive, or the folder above.</param>
    public static string? Problem(string folder)
    {
        var libraries = LibraryFolder(folder);
        if (!File.Exists(PathOf(libraries, "torch_cpu")))
            return $"{folder}: expected the torch/lib folder of a PyTorch {Release}, found no {Path.GetFileName(PathOf("", "torch_cpu"))}";
        return FoundVersion(libraries) is { } version && !version.StartsWith(Release + ".", StringComparison.Ordinal)
            ? $"{folder}: expected libtorch {Release}, found {version}"
            : null;
    }

    /// <summary>Starts a program anew, with the libtorch of a folder, and waits for its end.</summary>
    /// <returns>Its exit code.</returns>
    /// <exception cref="ConfigException">The folder cannot serve, or its libraries do not load.</exception>
    public static int Run(Assembly program, string folder, string[] args)
    {
        if (Problem(folder) is { } problem)
            throw new ConfigException(problem);
        NativeEnvironment.Prepare(new TorchRuntimeOptions(), TorchRuntime.DefaultThreads);
        LibTorchContext context;
        try
        {
            context = new LibTorchContext(program.Location, LibraryFolder(folder));
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            throw new ConfigException($"{folder}: libtorch does not load: {e.Message.ReplaceLineEndings(" ")}", e);
        }
        var entry = context.LoadFromAssemblyPath(program.Location).EntryPoint!;
        return (int)(entry.Invoke(null, BindingFlags.DoNotWrapExceptions, null, [args], null) ?? 0);
    }

    protected override Assembly? Load(AssemblyName assemblyName)
        => _resolver.ResolveAssemblyToPath(assemblyName) is { } path ? LoadFromAssemblyPath(path) : null;

    protected override nint LoadUnmanagedDll(string unmanagedDllName)
    {
        if (_loaded.TryGetValue(unmanagedDllName, out var library))
            return library;
        return _resolver.ResolveUnmanagedDllToPath(unmanagedDllName) is { } path ? LoadUnmanagedDllFromPath(path) : 0;
    }

    private static string LibraryFolder(string folder)
    {
        var path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        var below = Path.Combine(path, "lib");
        return File.Exists(PathOf(below, "torch_cpu")) ? below : path;
    }

    private static string PathOf(string folder, string library)
        => Path.Combine(folder, OperatingSystem.IsWindows() ? $"{library}.dll" : OperatingSystem.IsMacOS() ? $"lib{library}.dylib" : $"lib{library}.so");

    /// <summary>The version that PyTorch (version.py) or a libtorch archive (build-version) declares beside its lib folder.</summary>
    private static string? FoundVersion(string libraries)
    {
        var parent = Path.GetDirectoryName(libraries) ?? libraries;
        if (Path.Combine(parent, "build-version") is var archive && File.Exists(archive))
            return File.ReadAllText(archive).Trim();
        if (Path.Combine(parent, "version.py") is var python && File.Exists(python))
            return File.ReadLines(python)
                .Where(line => line.StartsWith("__version__", StringComparison.Ordinal))
                .Select(line => line[(line.IndexOf('=') + 1)..].Trim(' ', '\'', '"'))
                .FirstOrDefault();
        return null;
    }
}
