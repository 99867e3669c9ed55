namespace Codec.Core.Runtime;

/// <summary>
/// Places at the processors for the stages of one job that run at the same time: as many as the job has threads. A stage takes a place for
/// each piece of its work, so that never more threads compute than there are processors: a thread that others wait for would else be
/// put aside in the middle of its piece while a processor falls idle.
/// </summary>
internal sealed class ProcessorShare : IDisposable
{
    [ThreadStatic]
    private static ProcessorShare? _current;

    private readonly SemaphoreSlim _places;
    private readonly ProcessorShare? _before;

    private ProcessorShare(int places) => (_places, _before) = (new SemaphoreSlim(places), _current);

    /// <summary>Of the job that the calling thread works for; null: it shares with nobody.</summary>
    public static ProcessorShare? Current
    {
        get => _current;
        set => _current = value;
    }

    /// <summary>A share for what the calling thread does until it is disposed.</summary>
    public static ProcessorShare Begin(int threads) => _current = new ProcessorShare(threads);

    /// <summary>Takes a place.</summary>
    /// <exception cref="OperationCanceledException">Cancelled before there was one.</exception>
    public void Enter(CancellationToken cancellation = default) => _places.Wait(cancellation);

    public void Leave() => _places.Release();

    /// <summary>Ends the share for what follows; stages that still work keep their places.</summary>
    public void Dispose() => _current = _before;
}
