using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Codec.Core.Layers;
using static TorchSharp.torch;

namespace Codec.Training.Codecs;

/// <summary>
/// Runs the parts of a batch side by side, each on a thread of its own whose operators take no other: two threads then gain nearly what two processors
/// have, where operators that share threads one by one gain a fifth. A single part runs on the caller's thread.
/// </summary>
internal sealed class BatchParts : IDisposable
{
    private readonly BlockingCollection<Action>[] _queues;
    private readonly Thread[] _threads;
    private readonly int _items;

    /// <param name="count">Of parts.</param>
    /// <param name="items">Of a batch, a multiple of the parts.</param>
    public BatchParts(int count, int items)
    {
        _items = items;
        Count = count;
        _queues = [.. Enumerable.Range(0, count > 1 ? count : 0).Select(_ => new BlockingCollection<Action>())];
        _threads = [.. _queues.Select(queue => new Thread(() => Serve(queue)) { IsBackground = true, Name = nameof(BatchParts) })];
        var threads = get_num_threads();
        foreach (var thread in _threads)
            thread.Start();
        if (count > 1)
        {
            Run(_ => 0); // each has taken its number of threads, which for new threads is the last that was set
            set_num_threads(threads);
        }
    }

    public int Count { get; }

    /// <summary>Items of a part.</summary>
    public int Items => _items / Count;

    /// <summary>The items of a part.</summary>
    /// <param name="whole">[B, ...].</param>
    /// <param name="part">Its number.</param>
    public Tensor Of(Tensor whole, int part) => whole.narrow(0, part * Items, Items);

    /// <summary>What each part gives, in their order.</summary>
    /// <param name="run">Gets the number of the part. Tensors that it gives must have left its dispose scope.</param>
    public T[] Run<T>(Func<int, T> run)
    {
        if (Count == 1)
            return [run(0)];
        var (results, failures, reduced) = (new T[Count], new ExceptionDispatchInfo?[Count], TrainingPrecision.Reduced);
        using var done = new CountdownEvent(Count);
        for (var part = 0; part < Count; part++)
        {
            var own = part;
            _queues[own].Add(() =>
            {
                try
                {
                    TrainingPrecision.Reduced = reduced;
                    results[own] = run(own);
                }
                catch (Exception e)
                {
                    failures[own] = ExceptionDispatchInfo.Capture(e);
                }
                finally
                {
                    done.Signal();
                }
            });
        }
        done.Wait();
        failures.FirstOrDefault(failure => failure is not null)?.Throw();
        return results;
    }

    /// <summary>Runs a step, whose operators take one thread where there are parts: small ones gain nothing by more.</summary>
    public T Between<T>(Func<T> run) => Count > 1 ? With(1, run) : run();

    /// <summary>Runs what is not in parts with as many threads as there are parts, which wait meanwhile: for own kernels, which take threads for whole blocks of work.</summary>
    public T Whole<T>(Func<T> run) => Count > 1 ? With(Count, run) : run();

    private static T With<T>(int threads, Func<T> run)
    {
        var before = get_num_threads();
        set_num_threads(threads);
        try
        {
            return run();
        }
        finally
        {
            set_num_threads(before);
        }
    }

    private static void Serve(BlockingCollection<Action> queue)
    {
        set_num_threads(1);
        foreach (var action in queue.GetConsumingEnumerable())
            action();
    }

    public void Dispose()
    {
        foreach (var queue in _queues)
            queue.CompleteAdding();
        foreach (var thread in _threads)
            thread.Join();
        foreach (var queue in _queues)
            queue.Dispose();
    }
}
