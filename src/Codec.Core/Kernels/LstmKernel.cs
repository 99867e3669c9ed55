using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Codec.Core.Kernels;

/// <summary>
/// One direction of one LSTM layer on channels-last frames (Hochreiter and Schmidhuber 1997; gates in PyTorch's order i, f, g, o).
/// The same bits in any chunking and on any number of threads: see <see cref="DenseConv"/>.
/// </summary>
internal sealed unsafe class LstmKernel : IDisposable
{
    private const int Lanes = DenseTile.Lanes, Gates = 4;
    private readonly FrameConv _input;
    private readonly WeightMemory _memory = new(); // read whole for every frame: huge pages and prefetching
    private readonly RowLinear? _recurrent; // a panel has the four gates of 16 units, so that who has multiplied finishes the cells
    private readonly PairLinear? _reduced; // the same in 16 bits
    private readonly int _padded; // units, whole vectors

    /// <param name="input_GI">weight_ih [4 H, I].</param>
    /// <param name="recurrent_GH">weight_hh [4 H, H].</param>
    /// <param name="bias_G">bias_ih + bias_hh.</param>
    /// <param name="reduced">Products of 16-bit numbers, which halves what every frame has to read.</param>
    public LstmKernel(Tensor input_GI, Tensor recurrent_GH, Tensor bias_G, bool reduced = false)
    {
        using var scope = NewDisposeScope();
        Hidden = (int)recurrent_GH.size(1);
        _padded = RowLinear.Pad(Hidden);
        _input = FrameConv.OfLinear(ByUnits(input_GI), ByUnits(bias_G), reduced);
        var recurrent = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(ByUnits(recurrent_GH).bytes);
        if (reduced && PairTile.Supports(PairNumbers.Integer))
            _reduced = new PairLinear(recurrent, Hidden, _memory);
        else
            _recurrent = new RowLinear(recurrent, default, Hidden, _memory);
    }

    public int Hidden { get; }

    /// <param name="x_BTI">Frames without gaps.</param>
    /// <param name="state">[2, B, H]: h and c, overwritten by those after the last frame.</param>
    /// <returns>[B, T, H].</returns>
    public Tensor Run(Tensor x_BTI, float[] state)
    {
        using var scope = NewDisposeScope();
        var gates_BTG = _input.Run(x_BTI);
        var (batch, frames) = ((int)x_BTI.size(0), x_BTI.size(1));
        var y_BTH = empty(batch, frames, Hidden);
        using var memory = new AlignedFloats(3L * batch * _padded);
        var work = new Work(new FrameMemory(gates_BTG), new FrameMemory(y_BTH), memory.Pointer, batch, _padded);
        Copy(state, work, load: true);
        var panels = _padded / Lanes;
        var shares = RowBlocks.Count(panels, (long)Hidden * RowTile.Wide * batch);
        Lockstep.Run(frames, shares, (t, share) => Step(work, t, panels * share / shares, panels * (share + 1) / shares));
        Copy(state, work.At(frames), load: false);
        return y_BTH.MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        _input.Dispose();
        _recurrent?.Dispose();
        _memory.Dispose();
    }

    /// <summary>Rows [4 H, ...] so that the gates of 16 units follow each other; zeros for the units behind the last.</summary>
    private Tensor ByUnits(Tensor rows)
    {
        var whole = rows.detach().to(ScalarType.Float32).cpu().reshape(Gates, Hidden, -1);
        var padded = nn.functional.pad(whole, [0, 0, 0, _padded - Hidden]);
        return padded.reshape(Gates, _padded / Lanes, Lanes, -1).transpose(0, 1).reshape(rows.dim() == 1 ? [-1] : [Gates * _padded, -1]).contiguous();
    }

    private void Copy(float[] state, in Work work, bool load)
    {
        for (var b = 0; b < work.Batch; b++)
        {
            Span<float> h = state.AsSpan(b * Hidden, Hidden), c = state.AsSpan((work.Batch + b) * Hidden, Hidden);
            Span<float> hidden = new(work.Before + b * _padded, Hidden), cell = new(work.Cell + b * _padded, Hidden);
            if (load)
            {
                h.CopyTo(hidden);
                c.CopyTo(cell);
                continue;
            }
            hidden.CopyTo(h);
            cell.CopyTo(c);
        }
    }

    /// <summary>Some units of a frame. Back and forth in turn: what was read last is still in the cache.</summary>
    private void Step(in Work work, long t, int first, int last)
    {
        var now = work.At(t);
        var sink = new CellSink(this, now, t);
        _reduced?.Run(now.Before, _padded, now.Batch, sink, first, last, backwards: t % 2 != 0);
        for (var i = first; _recurrent is not null && i < last; i++)
        {
            var panel = t % 2 != 0 ? first + last - 1 - i : i;
            _recurrent.Run(now.Before, _padded, now.Batch, sink, panel, panel + 1);
        }
    }

    /// <summary>c = sigmoid(f) c + sigmoid(i) tanh(g); h = sigmoid(o) tanh(c).</summary>
    /// <param name="sums">Recurrent sums of the gates, 16 numbers each.</param>
    /// <param name="gates">What the input gives to them.</param>
    /// <param name="c">16 units, overwritten.</param>
    /// <param name="h">16 units.</param>
    private static void Cell(float* sums, float* gates, float* c, float* h)
    {
        var kept = VectorMath.Sigmoid(Vector512.Load(gates + Lanes) + Vector512.Load(sums + Lanes)) * Vector512.Load(c);
        var cell = Vector512.FusedMultiplyAdd(VectorMath.Sigmoid(Vector512.Load(gates) + Vector512.Load(sums)),
            VectorMath.Tanh(Vector512.Load(gates + 2 * Lanes) + Vector512.Load(sums + 2 * Lanes)), kept);
        Vector512.Store(cell, c);
        Vector512.Store(VectorMath.Sigmoid(Vector512.Load(gates + 3 * Lanes) + Vector512.Load(sums + 3 * Lanes)) * VectorMath.Tanh(cell), h);
    }

    /// <summary>Finishes the cells of a panel.</summary>
    private readonly struct CellSink(LstmKernel kernel, in Work work, long t) : IRowSink
    {
        private readonly Work _work = work;

        public void Take(float* sums, int row, int rows, int column, int width)
        {
            var unit = column / Gates;
            for (var r = 0; r < rows; r++)
            {
                var b = row + r;
                float* h = _work.After + b * kernel._padded + unit;
                Cell(sums + r * width, _work.Gates.At(b, t) + column, _work.Cell + b * kernel._padded + unit, h);
                new ReadOnlySpan<float>(h, Math.Min(Lanes, kernel.Hidden - unit)).CopyTo(_work.Y.Row(b, t)[unit..]);
            }
        }
    }

    /// <summary>Memory of a run: gates and results of all frames; h before a frame, h after it and c, each [B, units].</summary>
    private readonly struct Work(FrameMemory gates, FrameMemory y, float* first, int batch, int padded)
    {
        private readonly float* _first = first;
        private readonly nint _size = (nint)batch * padded;

        public FrameMemory Gates { get; } = gates;

        public FrameMemory Y { get; } = y;

        public int Batch { get; } = batch;

        public float* Before { get; private init; } = first;

        public float* After { get; private init; } = first + (nint)batch * padded;

        public float* Cell => _first + 2 * _size;

        /// <summary>At a frame: the two h change places.</summary>
        public Work At(long t) => this with { Before = _first + t % 2 * _size, After = _first + (t + 1) % 2 * _size };
    }
}
