using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Codec.Core.Runtime;

namespace Codec.Core.Files;

/// <summary>Lets a sequence be made on a thread of its own while its items are used: a pipeline of two stages. Waiting threads sleep.</summary>
internal static class Ahead
{
    /// <summary>The same items in the same order. A failure of the source comes out after the items before it; leaving the loop early
    /// stops the source after the item that it is working on.</summary>
    /// <param name="source">Walked, and disposed, on the other thread.</param>
    /// <param name="threads">With fewer than two the source runs on the caller's.</param>
    /// <param name="waiting">Items between the stages at most: memory stays bounded.</param>
    /// <param name="oneThread">The source does its work on its own thread only, which then takes a place of the caller's <see cref="ProcessorShare"/>.</param>
    public static IEnumerable<T> Of<T>(IEnumerable<T> source, int threads, int waiting = 2, bool oneThread = false)
        => threads < 2 ? source : Pipelined(source, waiting, oneThread);

    private static IEnumerable<T> Pipelined<T>(IEnumerable<T> source, int waiting, bool oneThread)
    {
        var share = ProcessorShare.Current;
        using var queue = new BlockingCollection<T>(waiting);
        using var stop = new CancellationTokenSource();
        ExceptionDispatchInfo? failure = null;
        var producer = new Thread(Produce) { IsBackground = true, Name = nameof(Ahead) };
        producer.Start();
        try
        {
            foreach (var item in queue.GetConsumingEnumerable())
                yield return item;
        }
        finally
        {
            stop.Cancel();
            producer.Join();
        }
        failure?.Throw();

        void Produce()
        {
            try
            {
                ProcessorShare.Current = share;
                foreach (var item in oneThread && share is not null ? Placed(source, share, stop.Token) : source)
                    queue.Add(item, stop.Token);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
            finally
            {
                queue.CompleteAdding();
            }
        }
    }

    private static IEnumerable<T> Placed<T>(IEnumerable<T> source, ProcessorShare share, CancellationToken cancellation)
    {
        using var items = source.GetEnumerator();
        while (Next())
            yield return items.Current;

        bool Next()
        {
            share.Enter(cancellation);
            try
            {
                return items.MoveNext();
            }
            finally
            {
                share.Leave();
            }
        }
    }
}
