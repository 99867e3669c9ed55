using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Codec.Benchmarks;

/// <summary>CPU time, which other processes disturb less than wall time.</summary>
internal static partial class Measurement
{
    /// <summary>Least CPU seconds (user and system, all threads) of several runs after one to warm up.</summary>
    public static double Least(int rounds, Action run)
    {
        run();
        var least = double.MaxValue;
        for (var round = 0; round < rounds; round++)
        {
            var start = Cpu();
            run();
            least = Math.Min(least, Cpu() - start);
        }
        return least;
    }

    /// <summary>CPU seconds of this process so far.</summary>
    public static double Cpu()
    {
        using var process = Process.GetCurrentProcess();
        return process.TotalProcessorTime.TotalSeconds;
    }

    /// <summary>CPU seconds of the calling thread so far; wall time where the system does not tell.</summary>
    public static double ThreadCpu()
    {
        const int threadCpuTime = 3; // CLOCK_THREAD_CPUTIME_ID of Linux
        if (!OperatingSystem.IsLinux() || ClockGetTime(threadCpuTime, out var time) != 0)
            return Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency;
        return time.Seconds + time.Nanoseconds * 1e-9;
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ClockGetTime(int clock, out TimeSpec time);

    private struct TimeSpec
    {
        public long Seconds, Nanoseconds;
    }
}
