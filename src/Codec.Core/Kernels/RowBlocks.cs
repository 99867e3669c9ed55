using static TorchSharp.torch;

namespace Codec.Core.Kernels;

/// <summary>Splits independent rows over as many threads as libtorch uses. Kernels that use it compute every row by
/// itself, so the result does not depend on the split.</summary>
public static class RowBlocks
{
    private const long Grain = 1 << 18; // multiply-adds (about 10 us) that are worth a thread

    /// <summary>Threads that are worth having, 1 to libtorch's number.</summary>
    public static int Count(long rows, long workPerRow) => (int)Math.Clamp(rows * Math.Max(workPerRow, 1) / Grain, 1, Math.Max(1, Math.Min(rows, get_num_threads())));

    /// <param name="rows">Number of rows.</param>
    /// <param name="workPerRow">Multiply-adds of one row.</param>
    /// <param name="run">Called with [first, last) row ranges that cover all rows.</param>
    public static void Run(long rows, long workPerRow, Action<long, long> run)
    {
        var blocks = Count(rows, workPerRow);
        if (blocks == 1)
            run(0, rows);
        else
            Parallel.For(0, blocks, new ParallelOptions { MaxDegreeOfParallelism = blocks },
                b => run(rows * b / blocks, rows * (b + 1) / blocks));
    }
}
