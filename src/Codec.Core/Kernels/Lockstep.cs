using System.Diagnostics;

namespace Codec.Core.Kernels;

/// <summary>
/// Steps that need all of the step before, each of them in shares for a few threads. Handing over at every step costs a fraction of starting a
/// parallel loop. A share whose thread is not there in time (it may have no processor) is done by the caller: a busy machine stops nothing.
/// </summary>
internal sealed class Lockstep
{
    private const long Over = -1;
    private static readonly TimeSpan Watching = TimeSpan.FromMicroseconds(100), Yielding = TimeSpan.FromMilliseconds(2);

    private readonly Action<long, int> _run;
    private readonly long[] _claimed, _done; // steps of every share
    private long _open; // steps that may be claimed so far
    private Exception? _fault;

    private Lockstep(int shares, Action<long, int> run) => (_run, _claimed, _done) = (run, new long[shares], new long[shares]);

    /// <param name="steps">How many.</param>
    /// <param name="shares">Of every step; 1 stays on the calling thread.</param>
    /// <param name="run">Called with every step and every share of it, shares of a step in any order and at the same time.</param>
    public static void Run(long steps, int shares, Action<long, int> run)
    {
        var all = new Lockstep(shares, run);
        for (var share = 1; share < shares && steps > 0; share++)
            ThreadPool.UnsafeQueueUserWorkItem(all.Help, share, preferLocal: false);
        try
        {
            for (var step = 1L; step <= steps; step++)
            {
                Volatile.Write(ref all._open, step);
                run(step - 1, 0);
                all.Finish(step, run);
            }
        }
        finally
        {
            all.Finish(Interlocked.Exchange(ref all._open, Over), null); // nobody is left behind in the caller's memory
        }
    }

    /// <summary>Does the shares that nobody has begun and waits for the others.</summary>
    private void Finish(long step, Action<long, int>? run)
    {
        for (var share = 1; share < _claimed.Length; share++)
        {
            if (Claim(share, step))
            {
                Volatile.Write(ref _done[share], step); // before it may throw: only the caller asks
                run?.Invoke(step - 1, share);
            }
            for (var since = 0L; Volatile.Read(ref _done[share]) < step;)
                Wait(ref since);
        }
        if (run is not null && Volatile.Read(ref _fault) is { } fault)
            throw new InvalidOperationException(fault.Message, fault);
    }

    private void Help(int share)
    {
        var since = 0L;
        for (var step = Volatile.Read(ref _open); step != Over; step = Volatile.Read(ref _open))
        {
            if (!Claim(share, step))
            {
                Wait(ref since);
                continue;
            }
            try
            {
                _run(step - 1, share);
            }
            catch (Exception e)
            {
                Volatile.Write(ref _fault, e);
            }
            Volatile.Write(ref _done[share], step);
            since = 0;
        }
    }

    /// <summary>Watches for as long as a share takes where every thread has a processor, then leaves the processor to others, at last sleeps.</summary>
    private static void Wait(ref long since)
    {
        if (since == 0)
            since = Stopwatch.GetTimestamp();
        var waited = Stopwatch.GetElapsedTime(since);
        if (waited < Watching)
            Thread.SpinWait(5);
        else if (waited < Yielding)
            Thread.Yield();
        else
            Thread.Sleep(1);
    }

    private bool Claim(int share, long step) => Interlocked.CompareExchange(ref _claimed[share], step, step - 1) == step - 1;
}
