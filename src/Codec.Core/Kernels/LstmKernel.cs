using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Codec.Core.Kernels;

/// <summary>
/// One direction of one LSTM layer on channels-last frames (Hochreiter and Schmidhuber 1997; gates in PyTorch's order i, f, g, o).
/// The same bits on any number of threads: see <see cref="DenseConv"/>.
/// What costs in large layers is reading the recurrent weights for every frame. So their long runs are cut into segments that advance side by side, each but the first begun
/// some frames early from silence: where that has led to the state in which the segment before ends, but for rounding, it was begun early enough; otherwise
/// it is done again from that state. How early is a matter of the weights alone (<see cref="Forgetting"/>), so a run's results never depend on others.
/// </summary>
internal sealed unsafe class LstmKernel : IDisposable
{
    private const int Lanes = DenseTile.Lanes, Gates = 4;
    private const int FewestEarly = 32, MostEarly = 400;
    private const int FewestUnits = 256; // whose weights no second-level cache keeps
    private const float Rounding = 1f / (1 << 21); // that a sum of hundreds of products has anyway
    private readonly FrameConv _input;
    private readonly WeightMemory _memory = new(); // read whole for every frame: huge pages and prefetching
    private readonly RowLinear _recurrent; // a panel has the four gates of 16 units, so that who has multiplied finishes the cells
    private readonly int _padded; // units, whole vectors
    private readonly int _inputs;
    private readonly Lazy<long> _early;

    /// <param name="input_GI">weight_ih [4 H, I].</param>
    /// <param name="recurrent_GH">weight_hh [4 H, H].</param>
    /// <param name="bias_G">bias_ih + bias_hh.</param>
    public LstmKernel(Tensor input_GI, Tensor recurrent_GH, Tensor bias_G)
    {
        using var scope = NewDisposeScope();
        (Hidden, _inputs) = ((int)recurrent_GH.shape[1], (int)input_GI.shape[1]);
        _early = new Lazy<long>(Forgetting);
        _padded = RowLinear.Pad(Hidden);
        _input = FrameConv.OfLinear(ByUnits(input_GI), ByUnits(bias_G));
        _recurrent = new RowLinear(MemoryMarshal.Cast<byte, float>(ByUnits(recurrent_GH).bytes), default, Hidden, _memory);
    }

    public int Hidden { get; }

    /// <param name="x_BTI">Frames without gaps.</param>
    /// <param name="state">[2, B, H]: h and c, overwritten by those after the last frame.</param>
    /// <returns>[B, T, H].</returns>
    public Tensor Run(Tensor x_BTI, float[] state)
    {
        using var scope = NewDisposeScope();
        var gates_BTG = _input.Run(x_BTI);
        var (batch, frames) = ((int)x_BTI.shape[0], x_BTI.shape[1]);
        var y_BTH = empty(batch, frames, Hidden);
        var (gates, y) = (new FrameMemory(gates_BTG), new FrameMemory(y_BTH));
        var side = Hidden >= FewestUnits && frames >= 4 * FewestEarly ? RowTile.Rows / Math.Max(1, batch) : 1;
        var done = side > 1 && _early.Value is var early && frames >= 4 * early ? SideBySide(gates, y, state, batch, side, early, (frames - early) / side) : 0;
        Advance(new Plan(batch, 1, done, 0), gates, y, state, frames - done);
        return y_BTH.MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        _input.Dispose();
        _recurrent.Dispose();
        _memory.Dispose();
    }

    /// <summary>Rows [4 H, ...] so that the gates of 16 units follow each other; zeros for the units behind the last.</summary>
    private Tensor ByUnits(Tensor rows)
    {
        var whole = rows.detach().to(ScalarType.Float32).cpu().reshape(Gates, Hidden, -1);
        var padded = nn.functional.pad(whole, [0, 0, 0, _padded - Hidden]);
        return padded.reshape(Gates, _padded / Lanes, Lanes, -1).transpose(0, 1).reshape(rows.dim() == 1 ? [-1] : [Gates * _padded, -1]).contiguous();
    }

    /// <summary>Twice the frames of silence after which it makes no difference where a state began; more than any run has where that takes long.</summary>
    private long Forgetting()
    {
        using var scope = NewDisposeScope();
        var gates_BTG = _input.Run(zeros(2, MostEarly / 2, _inputs));
        var y_BTH = empty(2, MostEarly / 2, Hidden);
        var states = new float[4 * Hidden];
        State(states, 2, 1, cell: false).Fill(0.5f);
        State(states, 2, 1, cell: true).Fill(1);
        for (var t = 0; t < MostEarly / 2; t++)
        {
            Advance(new Plan(2, 1, t, 0), new FrameMemory(gates_BTG), new FrameMemory(y_BTH), states, 1);
            if (Same(states, 2, 0, states, 2, 1))
                return Math.Max(FewestEarly, 2 * (t + 1));
        }
        return long.MaxValue / 8;
    }

    /// <summary>As many frames as fill segments of one length; each segment begins <paramref name="early"/> frames early, the first with what the others skip.</summary>
    /// <returns>Frames that are done: <paramref name="state"/> is the one after them.</returns>
    private long SideBySide(FrameMemory gates, FrameMemory y, float[] state, int batch, int segments, long early, long length)
    {
        var plan = new Plan(batch, segments, 0, length);
        var states = new float[2 * plan.Rows * Hidden];
        for (var b = 0; b < batch; b++)
            Move(state, batch, b, states, plan.Rows, b * segments);
        Advance(plan, gates, y, states, early, quiet: true);
        var guessed = states.ToArray();
        Advance(plan with { First = early }, gates, y, states, length);
        for (var segment = 1; segment < segments; segment++)
        {
            var agree = true;
            for (var b = 0; b < batch; b++)
            {
                Move(states, plan.Rows, b * segments + segment - 1, state, batch, b);
                agree &= Same(state, batch, b, guessed, plan.Rows, b * segments + segment);
            }
            if (agree)
                continue;
            Advance(new Plan(batch, 1, early + segment * length, 0), gates, y, state, length);
            for (var b = 0; b < batch; b++)
                Move(state, batch, b, states, plan.Rows, b * segments + segment);
        }
        for (var b = 0; b < batch; b++)
            Move(states, plan.Rows, (b + 1) * segments - 1, state, batch, b);
        return early + segments * length;
    }

    private void Move(float[] from, int rows, int row, float[] to, int toRows, int toRow)
    {
        State(from, rows, row, cell: false).CopyTo(State(to, toRows, toRow, cell: false));
        State(from, rows, row, cell: true).CopyTo(State(to, toRows, toRow, cell: true));
    }

    private bool Same(float[] a, int rows, int row, float[] b, int otherRows, int other)
        => Near(State(a, rows, row, cell: false), State(b, otherRows, other, cell: false)) && Near(State(a, rows, row, cell: true), State(b, otherRows, other, cell: true));

    private static bool Near(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        for (var i = 0; i < a.Length; i++)
            if (!(Math.Abs(a[i] - b[i]) <= Rounding * Math.Max(1, Math.Abs(a[i])))) // not for NaN either
                return false;
        return true;
    }

    /// <param name="states">[2, rows, H].</param>
    private Span<float> State(float[] states, int rows, int row, bool cell) => states.AsSpan(((cell ? rows : 0) + row) * Hidden, Hidden);

    /// <summary>Some frames of every row, one after the other.</summary>
    /// <param name="plan">Which row is where.</param>
    /// <param name="states">[2, rows, H], overwritten.</param>
    /// <param name="quiet">Whether only first segments give results.</param>
    private void Advance(in Plan plan, FrameMemory gates, FrameMemory y, float[] states, long frames, bool quiet = false)
    {
        if (frames == 0)
            return;
        using var memory = new AlignedFloats(3L * plan.Rows * _padded);
        var work = new Work(plan, gates, y, memory.Pointer, _padded, quiet);
        Copy(states, work, load: true);
        var shares = RowBlocks.Count(_recurrent.Panels, (long)Hidden * RowTile.Wide * plan.Rows);
        Lockstep.Run(frames, shares, (t, share) => Step(work, t, _recurrent.Panels * share / shares, _recurrent.Panels * (share + 1) / shares));
        Copy(states, work.At(frames), load: false);
    }

    private void Copy(float[] states, in Work work, bool load)
    {
        for (var row = 0; row < work.Plan.Rows; row++)
        {
            Span<float> h = State(states, work.Plan.Rows, row, cell: false), c = State(states, work.Plan.Rows, row, cell: true);
            Span<float> hidden = new(work.Before + row * _padded, Hidden), cell = new(work.Cell + row * _padded, Hidden);
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
        for (var i = first; i < last; i++)
        {
            var panel = t % 2 != 0 ? first + last - 1 - i : i;
            _recurrent.Run(now.Before, _padded, now.Plan.Rows, sink, panel, panel + 1);
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
            for (var r = row; r < row + rows; r++)
            {
                var (b, frame) = _work.Plan.Place(r, t);
                float* h = _work.After + r * kernel._padded + unit;
                Cell(sums + (r - row) * width, _work.Gates.At(b, frame) + column, _work.Cell + r * kernel._padded + unit, h);
                if (!_work.Quiet || _work.Plan.IsFirst(r))
                    new ReadOnlySpan<float>(h, Math.Min(Lanes, kernel.Hidden - unit)).CopyTo(_work.Y.Row(b, frame)[unit..]);
            }
        }
    }

    /// <summary>Which frames are done together: every row is a segment of a batch item.</summary>
    /// <param name="Batch">B.</param>
    /// <param name="Segments">Of an item.</param>
    /// <param name="First">Frame of the first segments in the first step.</param>
    /// <param name="Length">Frames from a segment to the next.</param>
    private readonly record struct Plan(int Batch, int Segments, long First, long Length)
    {
        public int Rows => Batch * Segments;

        public (int Item, long Frame) Place(int row, long step) => (row / Segments, First + step + row % Segments * Length);

        public bool IsFirst(int row) => row % Segments == 0;
    }

    /// <summary>Memory of a run: gates and results of all frames; h before a frame, h after it and c, each [rows, units].</summary>
    private readonly struct Work(in Plan plan, FrameMemory gates, FrameMemory y, float* first, int padded, bool quiet)
    {
        private readonly float* _first = first;
        private readonly nint _size = (nint)plan.Rows * padded;

        public Plan Plan { get; } = plan;

        public FrameMemory Gates { get; } = gates;

        public FrameMemory Y { get; } = y;

        public bool Quiet { get; } = quiet;

        public float* Before { get; private init; } = first;

        public float* After { get; private init; } = first + (nint)plan.Rows * padded;

        public float* Cell => _first + 2 * _size;

        /// <summary>At a step: the two h change places.</summary>
        public Work At(long t) => this with { Before = _first + t % 2 * _size, After = _first + (t + 1) % 2 * _size };
    }
}
