using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Codec.Audio;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Runtime;

/// <summary>
/// Sets libtorch up for this process. Programs call <see cref="Initialize"/> before their first tensor; a program that
/// does not still works, with libtorch's own defaults.
/// </summary>
public static class TorchRuntime
{
    private const int MostThreads = 8;
    private static readonly Lock Gate = new();
    private static bool _loaded, _prepared;
    private static int _threads;

    /// <summary>Loads libtorch and sets its environment and threads. A later call changes the threads only.</summary>
    /// <exception cref="ConfigException">The native library does not load.</exception>
    public static void Initialize(TorchRuntimeOptions options)
    {
        lock (Gate)
        {
            Prepare(options);
            EnsureLoaded();
        }
    }

    /// <summary>The same, but libtorch is loaded by whoever needs it first: a program that only runs own kernels starts without it.</summary>
    public static void Prepare(TorchRuntimeOptions options)
    {
        if (options.Threads is { } wanted)
            Require.Positive(wanted, nameof(options.Threads));
        lock (Gate)
        {
            _threads = options.Threads ?? DefaultThreads;
            _prepared = true;
            if (_loaded)
                set_num_threads(_threads);
            else
                NativeEnvironment.Prepare(options, _threads);
        }
    }

    /// <summary>Loads libtorch as <see cref="Prepare"/> asked; does nothing in a program that did not.</summary>
    /// <exception cref="ConfigException">The native library does not load.</exception>
    public static void EnsureLoaded()
    {
        lock (Gate)
        {
            if (_loaded || !_prepared)
                return;
            Load();
            _loaded = true;
            set_num_threads(Threads);
        }
    }

    /// <summary>Threads of one tensor operation, and stages of a file's way through a codec that run at once.</summary>
    public static int Threads => _loaded || !_prepared ? get_num_threads() : _threads;

    /// <summary>One per core that this process may use, at most eight: a codec's layers are too small for more.</summary>
    public static int DefaultThreads => Math.Clamp(Environment.ProcessorCount, 1, MostThreads);

    /// <summary>Release of the loaded libtorch, e.g. 2.10.0.</summary>
    public static string LibTorchVersion
    {
        get
        {
            var path = LibTorchPath;
            if (path is null || !NativeLibrary.TryLoad(path, out var library)
                || !NativeLibrary.TryGetExport(library, "aoti_torch_abi_version", out var address))
                return $"{LibTorchContext.Release} (not confirmed)";
            // Major, minor and patch are the three highest bytes.
            var packed = Marshal.GetDelegateForFunctionPointer<AbiVersion>(address)();
            return string.Create(CultureInfo.InvariantCulture, $"{packed >> 56}.{(packed >> 48) & 0xff}.{(packed >> 40) & 0xff}");
        }
    }

    /// <summary>File of the loaded libtorch; null where the system does not tell.</summary>
    public static string? LibTorchPath
    {
        get
        {
            using var process = Process.GetCurrentProcess();
            return process.Modules.Cast<ProcessModule>()
                .Select(module => module.FileName)
                .FirstOrDefault(path => Path.GetFileNameWithoutExtension(path) is "libtorch_cpu" or "torch_cpu");
        }
    }

    /// <summary>Version of the TorchSharp assembly, e.g. 0.107.0.</summary>
    public static string TorchSharpVersion => typeof(torch).Assembly.GetName().Version!.ToString(3);

    /// <summary>The device that a user names: cpu, cuda or cuda:N.</summary>
    /// <exception cref="ConfigException">Another name, or a device that this machine or this libtorch does not have.</exception>
    public static Device ParseDevice(string name)
    {
        var parts = name.ToLowerInvariant().Split(':');
        var index = 0;
        var wellFormed = parts is ["cpu" or "cuda"]
            || (parts is ["cuda", _] && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out index));
        Require.That(wellFormed, "device", "cpu, cuda or cuda:N", name);
        if (parts[0] == "cpu")
            return CPU;
        EnsureLoaded();
        if (!cuda.is_available())
            throw new ConfigException($"device {name}: there is no usable CUDA device (the bundled libtorch is for CPUs; set CODEC_LIBTORCH "
                + $"to the torch/lib folder of a PyTorch {LibTorchContext.Release} with CUDA)");
        Require.That(index < cuda.device_count(), "device", $"cuda:0 to cuda:{cuda.device_count() - 1}", name);
        return new Device(DeviceType.CUDA, index);
    }

    private static void Load()
    {
        try
        {
            _ = get_num_threads();
        }
        catch (Exception e) when (e is TypeInitializationException or DllNotFoundException or NotSupportedException)
        {
            var reason = e.GetBaseException().Message.ReplaceLineEndings(" ");
            throw new ConfigException($"libtorch does not load (codec doctor tells more): {reason}", e);
        }
    }

    [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
    private delegate ulong AbiVersion();
}
