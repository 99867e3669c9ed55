using System.Diagnostics;
using System.Globalization;

namespace Codec.Benchmarks;

/// <summary>The table's shapes in PyTorch (pytorch.py), where a python3 with torch happens to be installed.</summary>
internal sealed class PyTorchPeers
{
    private readonly Dictionary<string, double> _rates = [];

    private PyTorchPeers(string name) => Name = name;

    /// <summary>Version, or why there is none.</summary>
    public string Name { get; private set; }

    /// <summary>x real time or steps per second of CPU time of a shape; null where it was not measured.</summary>
    public double? Find(string shape) => _rates.TryGetValue(shape, out var rate) ? rate : null;

    /// <summary>Runs the script, one thread.</summary>
    /// <param name="python">Path of the interpreter; null: the python3 of the path, then the system's.</param>
    public static PyTorchPeers Run(string? python)
    {
        string[] candidates = python is null ? ["python3", "/usr/bin/python3"] : [python];
        var found = candidates.FirstOrDefault(name => Output(name, "import torch") is not null);
        if (found is null)
            return new PyTorchPeers($"PyTorch (skipped: no torch in {string.Join(", ", candidates)})");
        using var script = typeof(PyTorchPeers).Assembly.GetManifestResourceStream("pytorch.py")!;
        using var text = new StreamReader(script);
        if (Output(found, text.ReadToEnd()) is not { } output)
            return new PyTorchPeers($"PyTorch (skipped: pytorch.py failed in {found})");
        var peers = new PyTorchPeers("PyTorch");
        foreach (var line in output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            if (line.Split(' ', 2) is ["version", var version])
                peers.Name = $"PyTorch {version}";
            else if (line.Split(' ') is [var shape, var what, var rate])
                peers._rates[$"{shape} {what}"] = double.Parse(rate, CultureInfo.InvariantCulture);
        return peers;
    }

    /// <returns>What a program prints; null where it cannot be run or fails.</returns>
    private static string? Output(string python, string program)
    {
        var start = new ProcessStartInfo(python, "-") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var pool in new[] { "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS" })
            start.Environment[pool] = "1";
        try
        {
            using var process = Process.Start(start)!;
            process.ErrorDataReceived += (_, _) => { };
            process.BeginErrorReadLine();
            process.StandardInput.Write(program);
            process.StandardInput.Close();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? output : null;
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or IOException)
        {
            return null; // no such program, or one that does not read its input
        }
    }
}
