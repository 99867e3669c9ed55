namespace Codec.Core.Runtime;

/// <summary>How libtorch is loaded and run. The defaults suit a program that shares its machine with others.</summary>
public sealed record TorchRuntimeOptions
{
    /// <summary>Threads of one tensor operation; null for one per core that this process may use, at most eight.</summary>
    public int? Threads { get; init; }

    /// <summary>
    /// Waiting threads sleep (OMP_WAIT_POLICY=passive). By default libgomp's spin, and beside another busy process two
    /// spinning threads are up to twenty times slower than one.
    /// </summary>
    public bool PassiveWaiting { get; init; } = true;

    /// <summary>
    /// Large tensors live in huge pages (THP_MEM_ALLOC_ENABLE=1): libtorch maps and unmaps them at every operator, and
    /// the page faults cost up to half of the time.
    /// </summary>
    public bool HugePages { get; init; } = true;
}
