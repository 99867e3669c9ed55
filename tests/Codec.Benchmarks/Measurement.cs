using System.Diagnostics;

namespace Codec.Benchmarks;

/// <summary>CPU time, which other processes disturb less than wall time.</summary>
internal static class Measurement
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
}
