using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Codec.Core.Kernels;

/// <summary>
/// One direction of one LSTM layer on channels-last frames (Hochreiter and Schmidhuber 1997; gates in PyTorch's order i, f, g, o).
/// The same bits in any chunking: see <see cref="DenseConv"/>.
/// </summary>
internal sealed unsafe class LstmKernel : IDisposable
{
    private const int Lanes = DenseTile.Lanes;
    private readonly FrameConv _input;
    private readonly WeightMemory _memory = new(); // read whole for every frame: huge pages and prefetching
    private readonly RowLinear _recurrent;

    /// <param name="input_GI">weight_ih [4 H, I].</param>
    /// <param name="recurrent_GH">weight_hh [4 H, H].</param>
    /// <param name="bias_G">bias_ih + bias_hh.</param>
    public LstmKernel(Tensor input_GI, Tensor recurrent_GH, Tensor bias_G)
    {
        Hidden = (int)recurrent_GH.shape[1];
        _input = FrameConv.OfLinear(input_GI, bias_G);
        using var dense = recurrent_GH.detach().to(float32).cpu().contiguous();
        _recurrent = new RowLinear(System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(dense.bytes), default, Hidden, _memory);
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
        using var padded = new AlignedFloats((long)batch * _recurrent.Padded);
        float* sums = padded.Pointer;
        fixed (float* h = state)
        {
            float* c = h + batch * Hidden;
            for (var t = 0L; t < frames; t++)
            {
                Recur(h, batch, sums, t % 2 != 0);
                for (var b = 0; b < batch; b++)
                {
                    Add(sums + (long)b * _recurrent.Padded, gates.At(b, t), 4 * Hidden);
                    Cell(gates.At(b, t), c + b * Hidden, h + b * Hidden, Hidden);
                    new Span<float>(h + b * Hidden, Hidden).CopyTo(y.Row(b, t));
                }
            }
        }
        return y_BTH.MoveToOuterDisposeScope();
    }

    public void Dispose()
    {
        _input.Dispose();
        _recurrent.Dispose();
        _memory.Dispose();
    }

    /// <summary>W h for all items; the columns are split over the threads. Back and forth in turn: what was read last is still in the cache.</summary>
    private void Recur(float* h, int batch, float* sums, bool backwards)
    {
        var (from, to, step) = ((nint)h, (nint)sums, (nint)_recurrent.Padded);
        RowBlocks.Run(_recurrent.Panels, (long)Hidden * RowTile.Wide * batch,
            (first, last) =>
            {
                for (var i = first; i < last; i++)
                {
                    var panel = (int)(backwards ? first + last - 1 - i : i);
                    _recurrent.Run((float*)from, Hidden, batch, new StoreSink((float*)to, step), panel, panel + 1);
                }
            });
    }

    private static void Add(float* from, float* to, int count)
    {
        var i = 0;
        for (; i + Lanes <= count; i += Lanes)
            Vector512.Store(Vector512.Load(to + i) + Vector512.Load(from + i), to + i);
        for (; i < count; i++)
            to[i] += from[i];
    }

    /// <summary>c = sigmoid(f) c + sigmoid(i) tanh(g); h = sigmoid(o) tanh(c).</summary>
    private static void Cell(float* gates, float* c, float* h, int hidden)
    {
        var j = 0;
        for (; j + Lanes <= hidden; j += Lanes)
            Cell(gates + j, gates + hidden + j, gates + 2 * hidden + j, gates + 3 * hidden + j, c + j, h + j);
        if (j == hidden)
            return;
        float* copy = stackalloc float[6 * Lanes];
        new Span<float>(copy, 6 * Lanes).Clear();
        var rest = hidden - j;
        for (var lane = 0; lane < rest; lane++)
        {
            for (var gate = 0; gate < 4; gate++)
                copy[gate * Lanes + lane] = gates[gate * hidden + j + lane];
            copy[4 * Lanes + lane] = c[j + lane];
        }
        Cell(copy, copy + Lanes, copy + 2 * Lanes, copy + 3 * Lanes, copy + 4 * Lanes, copy + 5 * Lanes);
        for (var lane = 0; lane < rest; lane++)
            (c[j + lane], h[j + lane]) = (copy[4 * Lanes + lane], copy[5 * Lanes + lane]);
    }

    private static void Cell(float* i, float* f, float* g, float* o, float* c, float* h)
    {
        var kept = VectorMath.Sigmoid(Vector512.Load(f)) * Vector512.Load(c);
        var cell = Vector512.FusedMultiplyAdd(VectorMath.Sigmoid(Vector512.Load(i)), VectorMath.Tanh(Vector512.Load(g)), kept);
        Vector512.Store(cell, c);
        Vector512.Store(VectorMath.Sigmoid(Vector512.Load(o)) * VectorMath.Tanh(cell), h);
    }
}
