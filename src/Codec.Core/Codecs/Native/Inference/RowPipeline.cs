using System.Runtime.ExceptionServices;
using Codec.Core.Runtime;

namespace Codec.Core.Codecs.Native.Inference;

/// <summary>
/// Carries the pieces of a signal through layers that remember what they saw last, on several threads: a piece enters such a layer when the
/// piece before it has left it, so that the results are those of one thread, nothing is computed twice and the threads share the work
/// evenly. Waiting threads sleep, and a thread that gets no processor takes no piece: the others then do its work.
/// </summary>
internal sealed class RowPipeline
{
    private readonly object _gate = new();
    private readonly int _pieces;
    private readonly Action<int, int, RowTurn> _work;
    private readonly RowHistory _history;
    private readonly int[] _left; // pieces that have left each layer
    private readonly ProcessorShare? _share = ProcessorShare.Current;
    private int _next, _finished;
    private ExceptionDispatchInfo? _failure;

    private RowPipeline(int pieces, RowHistory history, Action<int, int, RowTurn> work)
        => (_pieces, _history, _work, _left) = (pieces, history, work, new int[history.Count]);

    /// <summary>Runs all pieces; the first failure of one comes out when none is at work any more.</summary>
    /// <param name="pieces">How many, in the order of the signal.</param>
    /// <param name="workers">Threads, the caller's among them.</param>
    /// <param name="history">Of the signal.</param>
    /// <param name="work">Gets the number of a piece, that of the worker, and what the piece asks before it enters a layer.</param>
    public static void Run(int pieces, int workers, RowHistory history, Action<int, int, RowTurn> work)
    {
        if (workers < 2 || pieces < 2)
        {
            for (var piece = 0; piece < pieces; piece++)
                work(piece, 0, new RowTurn(history, null, piece));
            return;
        }
        var pipeline = new RowPipeline(pieces, history, work);
        for (var worker = 1; worker < Math.Min(workers, pieces); worker++)
        {
            var number = worker;
            _ = Task.Run(() => pipeline.Work(number));
        }
        pipeline.Work(0);
        pipeline.Join();
    }

    /// <summary>Frames of a piece, so that the pieces are about as long and can be shared evenly.</summary>
    /// <param name="frames">Of the signal.</param>
    /// <param name="most">What fits the caches.</param>
    /// <param name="workers">Threads.</param>
    /// <param name="grain">Of what pieces are multiples.</param>
    public static int PieceFrames(int frames, int most, int workers, int grain)
    {
        var pieces = Math.Max(1, (frames + most - 1) / most);
        if (pieces > 1)
            pieces = (pieces + workers - 1) / workers * workers;
        return Math.Min(most, ((frames + pieces - 1) / pieces + grain - 1) / grain * grain);
    }

    internal void Enter(int layer, int piece)
    {
        if (Volatile.Read(ref _left[layer]) >= piece)
            return;
        lock (_gate)
        {
            while (_left[layer] < piece && _failure is null)
                Monitor.Wait(_gate);
            if (_left[layer] < piece)
                throw new OperationCanceledException("an earlier piece failed");
        }
    }

    internal void Leave(int layer, int piece)
    {
        lock (_gate)
        {
            _left[layer] = piece + 1;
            Monitor.PulseAll(_gate);
        }
    }

    private void Work(int worker)
    {
        while (WorkOnNext(worker))
        {
        }
    }

    private bool WorkOnNext(int worker)
    {
        _share?.Enter(); // before it takes a piece that others then wait for
        try
        {
            var piece = Interlocked.Increment(ref _next) - 1;
            if (piece >= _pieces)
                return false;
            ExceptionDispatchInfo? failure = null;
            try
            {
                _work(piece, worker, new RowTurn(_history, this, piece));
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
            lock (_gate)
            {
                _finished++;
                _failure ??= failure;
                Monitor.PulseAll(_gate);
            }
            return true;
        }
        finally
        {
            _share?.Leave();
        }
    }

    private void Join()
    {
        lock (_gate)
            while (_finished < _pieces)
                Monitor.Wait(_gate);
        _failure?.Throw();
    }
}

/// <summary>What a piece of a signal asks for the memory of a layer.</summary>
/// <param name="history">Of the signal.</param>
/// <param name="pipeline">Null where pieces come one after the other.</param>
/// <param name="piece">Number of the piece.</param>
internal readonly struct RowTurn(RowHistory history, RowPipeline? pipeline, int piece)
{
    /// <summary>What a layer remembers of the pieces before, as soon as they have left it.</summary>
    public float[] Enter(int layer)
    {
        pipeline?.Enter(layer, piece);
        return history[layer];
    }

    /// <summary>Lets the next piece enter: the layer now remembers this one.</summary>
    public void Leave(int layer) => pipeline?.Leave(layer, piece);
}
