using static TorchSharp.torch;

namespace Codec.Core.Kernels;

/// <summary>Weights of a residual unit x + conv1(snake(conv7(snake(x)))).</summary>
/// <param name="FirstAlpha">[C] of the first activation.</param>
/// <param name="WideWeight">[C, C / groups, K].</param>
/// <param name="WideBias">[C].</param>
/// <param name="Dilation">Of the wide convolution.</param>
/// <param name="SecondAlpha">[C] of the second activation.</param>
/// <param name="NarrowWeight">[C, C, 1].</param>
/// <param name="NarrowBias">[C].</param>
/// <param name="Reduced">Products of 16-bit numbers.</param>
internal sealed record SnakeUnitWeights(Tensor FirstAlpha, Tensor WideWeight, Tensor WideBias, int Dilation, Tensor SecondAlpha, Tensor NarrowWeight, Tensor NarrowBias, bool Reduced = false);

/// <summary>
/// A residual unit of DAC or SNAC with zero padding, on channels-last rows that it overwrites: piece by piece, so that everything
/// between input and output stays in the cache and no second signal is held. The bits of a row depend neither on the pieces nor on the
/// number of threads: see <see cref="DenseConv"/>. A snapshot of the weights.
/// </summary>
internal sealed unsafe class SnakeUnitRows : IDisposable
{
    private const int PieceFloats = 1 << 16, LeastRows = 384; // every piece reads all weights
    private readonly int _channels, _padding, _leastRows;
    private readonly SnakePattern _first, _second;
    private readonly FrameConv? _dense;
    private readonly DepthwiseConv.Filters? _depthwise;
    private readonly FrameConv _narrow;
    private readonly long _work;

    public SnakeUnitRows(SnakeUnitWeights weights)
    {
        using var scope = NewDisposeScope();
        var (outputs, inputs, kernel) = ((int)weights.WideWeight.shape[0], (int)weights.WideWeight.shape[1], (int)weights.WideWeight.shape[2]);
        (_channels, _padding) = (outputs, weights.Dilation * (kernel - 1) / 2);
        _leastRows = weights.Reduced && inputs > 1 ? Math.Max(LeastRows, outputs * outputs / 512) : LeastRows; // products take less time beside reading weights
        (_first, _second) = (new SnakePattern(weights.FirstAlpha), new SnakePattern(weights.SecondAlpha));
        if (inputs == 1 && outputs > 1)
            _depthwise = new DepthwiseConv.Filters(weights.WideWeight, weights.WideBias, weights.Dilation);
        else
            _dense = FrameConv.Of(weights.WideWeight, weights.WideBias, dilation: weights.Dilation, reduced: weights.Reduced);
        _narrow = FrameConv.Of(weights.NarrowWeight, weights.NarrowBias, reduced: weights.Reduced);
        _work = (long)outputs * (inputs * kernel + outputs);
    }

    /// <param name="x_BTC">float32 on the CPU without gaps; overwritten.</param>
    public void Run(Tensor x_BTC)
    {
        var memory = new FrameMemory(x_BTC);
        var wide = _dense?.For(memory.Rows);
        var granule = wide?.Granule ?? 1;
        for (var item = 0L; item < memory.Batch && memory.Rows > 0; item++)
        {
            var (first, rows) = ((nint)memory.At(item, 0), memory.Rows);
            var (granules, ranges) = ((rows + granule - 1) / granule, RowBlocks.Count(rows, _work));
            long Border(int range) => Math.Min(granules * range / ranges * granule, rows);
            // Neighbours are saved before any range overwrites them.
            var parts = Enumerable.Range(0, ranges).Select(r => new Part(this, wide, (float*)first, rows, Border(r), Border(r + 1))).ToArray();
            if (ranges == 1)
                parts[0].Run();
            else
                Parallel.ForEach(parts, new ParallelOptions { MaxDegreeOfParallelism = ranges }, part => part.Run());
            foreach (var part in parts)
                part.Dispose();
        }
    }

    public void Dispose()
    {
        _dense?.Dispose();
        _narrow.Dispose();
    }

    /// <summary>Rows [start, end) of a signal.</summary>
    private sealed class Part : IDisposable
    {
        private readonly SnakeUnitRows _unit;
        private readonly FrameConv? _wide; // null: depthwise
        private readonly float* _x;
        private readonly long _start, _end;
        private readonly int _piece;
        private readonly AlignedFloats _halo, _active, _hidden; // rows on both sides; snake(x) with them; the first convolution's result

        public Part(SnakeUnitRows unit, FrameConv? wide, float* x, long rows, long start, long end)
        {
            (_unit, _wide, _start, _end) = (unit, wide, start, end);
            _x = x;
            var (channels, padding) = (unit._channels, unit._padding);
            var step = Math.Max(wide?.Granule ?? 1, DenseTile.Rows);
            _piece = (int)Math.Min(Math.Max(PieceFloats / channels, unit._leastRows) / step * step, Math.Max(end - start, 1));
            _halo = new AlignedFloats(2L * padding * channels); // zeros beyond the ends
            _active = new AlignedFloats((_piece + 2L * padding) * channels);
            _hidden = new AlignedFloats((long)_piece * channels);
            var (before, behind) = (Math.Min(padding, start), Math.Min(padding, rows - end));
            Copy(x + (start - before) * channels, _halo.Pointer + (padding - before) * channels, before);
            Copy(x + end * channels, _halo.Pointer + (long)padding * channels, behind);
        }

        public void Run()
        {
            var (channels, padding) = (_unit._channels, _unit._padding);
            float* active = _active.Pointer, hidden = _hidden.Pointer;
            Activate(_start - padding, _start + padding, active);
            for (var t = _start; t < _end; t += _piece)
            {
                var count = Math.Min(_piece, _end - t);
                Activate(t + padding, t + padding + count, active + 2L * padding * channels);
                if (_wide is not null)
                    _wide.RunAlone(active, hidden, null, count, elu: false);
                else
                    _unit._depthwise!.Run(active, hidden, count);
                _unit._second.Run(hidden, hidden, count * channels);
                float* rows = _x + t * channels;
                _unit._narrow.RunAlone(hidden, rows, rows, count, elu: false);
                Copy(active + count * channels, active, 2L * padding);
            }
        }

        public void Dispose()
        {
            _halo.Dispose();
            _active.Dispose();
            _hidden.Dispose();
        }

        /// <summary>snake of rows [from, to), which may reach into both halos.</summary>
        private void Activate(long from, long to, float* target)
        {
            var (channels, padding) = (_unit._channels, _unit._padding);
            for (var row = from; row < to;)
            {
                float* source = row < _start ? _halo.Pointer + (row - _start + padding) * channels
                    : row < _end ? _x + row * channels
                    : _halo.Pointer + (row - _end + padding) * channels;
                var next = Math.Min(row < _start ? _start : row < _end ? _end : to, to);
                _unit._first.Run(source, target, (next - row) * channels);
                target += (next - row) * channels;
                row = next;
            }
        }

        private void Copy(float* from, float* to, long rows)
        {
            var bytes = rows * _unit._channels * sizeof(float);
            Buffer.MemoryCopy(from, to, bytes, bytes);
        }
    }
}
