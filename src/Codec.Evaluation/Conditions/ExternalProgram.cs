using System.ComponentModel;
using System.Diagnostics;
using Codec.Audio;

namespace Codec.Evaluation.Conditions;

/// <summary>Runs a command-line program to its end and watches its memory.</summary>
internal static class ExternalProgram
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(10);

    /// <summary>Where a program lies in a search path; null where it is not installed.</summary>
    public static string? Find(string program, string? searchPath)
        => (searchPath ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(folder => new[] { Path.Combine(folder, program), Path.Combine(folder, program + ".exe") })
            .FirstOrDefault(File.Exists);

    /// <returns>Peak resident memory in bytes (0 where the system does not say), and standard output.</returns>
    /// <exception cref="ConfigException">It does not start, fails or takes longer than ten minutes.</exception>
    public static (long PeakMemory, string Output) Run(string program, IReadOnlyList<string> arguments, CancellationToken cancellation)
    {
        using var process = new Process
        {
            StartInfo = new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true, UseShellExecute = false },
        };
        try
        {
            process.Start();
        }
        catch (Win32Exception e)
        {
            throw new ConfigException($"{program}: {e.Message}", e);
        }
        var output = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        var errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
        var peak = Watch(process, cancellation);
        if (process.ExitCode != 0)
            throw new ConfigException($"{Path.GetFileName(program)} failed with exit code {process.ExitCode}: {LastLine(errors.Result)}");
        return (peak, output.Result);
    }

    private static long Watch(Process process, CancellationToken cancellation)
    {
        long peak = 0;
        var waited = Stopwatch.StartNew();
        var pause = 1;
        do
        {
            try
            {
                process.Refresh();
                peak = Math.Max(peak, process.PeakWorkingSet64);
            }
            catch (InvalidOperationException)
            {
                // It has ended in the meantime.
            }
            if (cancellation.IsCancellationRequested || waited.Elapsed > Longest)
            {
                process.Kill(entireProcessTree: true);
                cancellation.ThrowIfCancellationRequested();
                throw new ConfigException($"{process.StartInfo.FileName}: took longer than {Longest.TotalMinutes} minutes");
            }
            pause = Math.Min(pause * 2, 50);
        }
        while (!process.WaitForExit(pause));
        process.WaitForExit();
        return peak;
    }

    private static string LastLine(string text)
        => text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault() ?? "it said nothing";
}
