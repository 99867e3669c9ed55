using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Codec.Core.Kernels;

/// <summary>
/// Convolution, transposed convolution or linear map on channels-last float32 rows [T, C], with its weights packed once:
/// an own matrix kernel (AVX-512, or the same arithmetic in smaller vectors) with bias, addition and ELU fused. Every output is one
/// chain of fused multiply-adds in a fixed order, so a row has the same bits whatever was computed with it: chunks, batches,
/// threads and instruction sets make no difference. A snapshot: pack again when weights change.
/// </summary>
public sealed unsafe class DenseConv : IDisposable
{
    private const int Wide = 4 * DenseTile.Lanes, Middle = 2 * DenseTile.Lanes, Narrow = DenseTile.Lanes;
    private const int BlockRows = 3 * DenseTile.Rows; // whole tiles of either height
    private const int BlockFloats = 1 << 17; // inputs that one pass over all panels should find in the cache
    private const int ChunkTaps = 768; // weights of a panel that all tiles of a block should find there

    private readonly int _segments, _length, _stride, _dilation, _stepsPerRow;
    private float* _panels; // [panel][taps][64 or, in the last two, 32 and 16]
    private readonly float* _bias;

    private DenseConv(int inputs, int taps, int columns, int stride, int dilation, int stepsPerRow)
    {
        (Inputs, Taps, Columns, _stride, _dilation, _stepsPerRow) = (inputs, taps, columns, stride, dilation, stepsPerRow);
        (_segments, _length) = dilation == 1 ? (1, taps * inputs) : (taps, inputs);
        Padded = (columns + Narrow - 1) / Narrow * Narrow;
        var bytes = (nuint)(((long)taps * inputs + 1) * Padded * sizeof(float));
        _panels = (float*)NativeMemory.AlignedAlloc(bytes, 64);
        NativeMemory.Clear(_panels, bytes);
        _bias = _panels + (long)taps * inputs * Padded;
    }

    ~DenseConv() => Free();

    /// <summary>Channels of a row that goes in.</summary>
    public int Inputs { get; }

    /// <summary>Input rows that one output row sees (every <c>dilation</c>-th of its reach).</summary>
    public int Taps { get; }

    /// <summary>Numbers that a step makes: output channels, times the stride where it is transposed.</summary>
    public int Columns { get; }

    /// <summary>Channels of a row that comes out.</summary>
    public int Outputs => Columns / _stepsPerRow;

    /// <summary>Input rows from the first tap to the last.</summary>
    public int Reach => (Taps - 1) * _dilation + 1;

    private int Padded { get; }

    /// <summary>Whether it can take over from libtorch: float32 on the CPU.</summary>
    public static bool Applies(Tensor x, Tensor weight)
        => x.dtype == ScalarType.Float32 && weight.dtype == ScalarType.Float32 && x.device_type == TorchSharp.DeviceType.CPU;

    /// <param name="weight_OIK">[O, I, K].</param>
    /// <param name="bias_O">[O] or null.</param>
    /// <param name="stride">Input rows from one output row to the next.</param>
    /// <param name="dilation">Input rows from one tap to the next.</param>
    public static DenseConv Of(Tensor weight_OIK, Tensor? bias_O, int stride = 1, int dilation = 1)
    {
        var (outputs, inputs, kernel) = ((int)weight_OIK.shape[0], (int)weight_OIK.shape[1], (int)weight_OIK.shape[2]);
        var packed = new DenseConv(inputs, kernel, outputs, stride, dilation, 1);
        using var scope = NewDisposeScope();
        packed.Pack(weight_OIK.permute(2, 1, 0), bias_O);
        return packed;
    }

    /// <summary>A linear map: a convolution of one tap.</summary>
    /// <param name="weight_OI">[O, I].</param>
    /// <param name="bias_O">[O] or null.</param>
    public static DenseConv OfLinear(Tensor weight_OI, Tensor? bias_O = null)
    {
        using var scope = NewDisposeScope();
        return Of(weight_OI.unsqueeze(-1), bias_O);
    }

    /// <summary>
    /// A transposed convolution of stride S as an ordinary one of M = ceil(K / S) taps whose step makes S rows of O channels:
    /// with M - 1 rows of zeros before and behind, T rows give all (T - 1) S + K outputs (and zeros behind up to (T + M - 1) S).
    /// </summary>
    /// <param name="weight_IOK">[I, O, K].</param>
    /// <param name="bias_O">[O] or null.</param>
    /// <param name="stride">S.</param>
    public static DenseConv OfTransposed(Tensor weight_IOK, Tensor? bias_O, int stride)
    {
        var (inputs, outputs, kernel) = ((int)weight_IOK.shape[0], (int)weight_IOK.shape[1], (int)weight_IOK.shape[2]);
        var taps = (kernel + stride - 1) / stride;
        var packed = new DenseConv(inputs, taps, outputs * stride, 1, 1, stride);
        using var scope = NewDisposeScope();
        var whole_IOK = nn.functional.pad(weight_IOK, [0, taps * stride - kernel]);
        var taps_MISO = whole_IOK.reshape(inputs, outputs, taps, stride).permute(2, 0, 3, 1).flip(0);
        packed.Pack(taps_MISO.reshape(taps, inputs, stride * outputs), bias_O?.repeat(stride));
        return packed;
    }

    /// <summary>Output rows of so many input rows (before a transposed step is opened into its rows).</summary>
    public long Steps(long rows) => rows < Reach ? 0 : (rows - Reach) / _stride + 1;

    /// <summary>Runs over all rows; nothing is padded.</summary>
    /// <param name="x_BTC">float32 [B, T, Inputs] without gaps.</param>
    /// <param name="add_BTC">Added to the result; null for nothing.</param>
    /// <param name="elu">Applies ELU to the result.</param>
    /// <returns>[B, Steps(T) (times the stride where transposed), Outputs], a new tensor.</returns>
    public Tensor Run(Tensor x_BTC, Tensor? add_BTC = null, bool elu = false)
    {
        var (batch, rows) = (x_BTC.shape[0], x_BTC.shape[1]);
        ArgumentOutOfRangeException.ThrowIfNotEqual(x_BTC.shape[2], Inputs, nameof(x_BTC));
        var steps = Steps(rows);
        var y_BTC = empty(batch, steps * _stepsPerRow, Outputs);
        if (add_BTC is not null && !add_BTC.shape.SequenceEqual(y_BTC.shape))
            throw new ArgumentException($"shape of the addition: expected [{string.Join(", ", y_BTC.shape)}], found [{string.Join(", ", add_BTC.shape)}]", nameof(add_BTC));
        if (steps == 0)
            return y_BTC;
        using var dense = add_BTC?.contiguous();
        var (x, y, add) = ((nint)ChannelPattern.Pointer(x_BTC), (nint)ChannelPattern.Pointer(y_BTC), dense is null ? 0 : (nint)ChannelPattern.Pointer(dense));
        for (var b = 0L; b < batch; b++)
        {
            var to = b * steps * Columns;
            Run((float*)x + b * rows * Inputs, (float*)y + to, add == 0 ? null : (float*)add + to, steps, elu);
        }
        return y_BTC;
    }

    /// <summary>Runs over all rows with rows of zeros on both sides, of which only those near the ends are ever made.</summary>
    /// <param name="x_BTC">float32 [B, T, Inputs] without gaps.</param>
    /// <param name="padding">Rows of zeros on either side.</param>
    public Tensor RunPadded(Tensor x_BTC, int padding)
    {
        if (padding == 0)
            return Run(x_BTC);
        var (source, steps) = (new FrameMemory(x_BTC), Steps(x_BTC.shape[1] + 2 * padding));
        var y_BTC = empty(x_BTC.shape[0], steps * _stepsPerRow, Outputs);
        if (steps == 0 || source.Batch == 0)
            return y_BTC;
        // Steps [first, last) see no padding.
        var first = Math.Min((padding + _stride - 1) / _stride, steps);
        var last = Math.Clamp((source.Rows + padding - Reach) / _stride + 1, first, steps);
        if (source.Rows + padding < Reach)
            last = first;
        var result = new FrameMemory(y_BTC);
        for (var item = 0L; item < source.Batch; item++)
        {
            Ends(source, result, item, 0, first, padding);
            Run(source.At(item, first * _stride - padding), result.At(item, first * _stepsPerRow), null, last - first, elu: false);
            Ends(source, result, item, last, steps, padding);
        }
        return y_BTC;
    }

    /// <summary>The same on memory: steps output steps from (steps - 1) stride + Reach input rows.</summary>
    public void Run(float* x, float* y, float* add, long steps, bool elu)
    {
        var (from, to, plus) = ((nint)x, (nint)y, (nint)add); // pointers cannot be captured
        RowBlocks.Run(steps, (long)Taps * Inputs * Padded,
            (first, last) => Blocks((float*)from, (float*)to, (float*)plus, first, last, elu));
    }

    /// <summary>The same on the calling thread alone.</summary>
    internal void RunAlone(float* x, float* y, float* add, long steps, bool elu) => Blocks(x, y, add, 0, steps, elu);

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    /// <summary>Steps [first, last) from rows that are copied with the zeros around them.</summary>
    private void Ends(FrameMemory source, FrameMemory result, long item, long first, long last, int padding)
    {
        if (first == last)
            return;
        var (from, rows) = (first * _stride - padding, (last - first - 1) * _stride + Reach);
        using var window = new AlignedFloats(rows * Inputs);
        var (start, end) = (Math.Clamp(from, 0, source.Rows), Math.Clamp(from + rows, 0, source.Rows));
        new ReadOnlySpan<float>(source.At(item, start), (int)((end - start) * Inputs)).CopyTo(new Span<float>(window.Pointer + (start - from) * Inputs, (int)((end - start) * Inputs)));
        Run(window.Pointer, result.At(item, first * _stepsPerRow), null, last - first, elu: false);
    }

    private void Blocks(float* x, float* y, float* add, long first, long last, bool elu)
    {
        ObjectDisposedException.ThrowIf(_panels == null, this);
        float* scratch = stackalloc float[DenseTile.Rows * Wide + DenseTile.Lanes];
        scratch = (float*)(((nint)scratch + 63) & ~(nint)63);
        var work = new Work(x, y, add, elu, scratch);
        var block = Math.Max(BlockFloats / Math.Max(_stride * Inputs, 1) / BlockRows, 1) * BlockRows;
        for (var start = first; start < last; start += block)
            Block(work, start, Math.Min(start + block, last));
    }

    /// <summary>Some rows: taps by chunks, within them columns by panels, within them rows by tiles. Sums wait in the result for the next chunk.</summary>
    private void Block(in Work work, long first, long last)
    {
        // Short segments go together, long ones are cut.
        var together = Math.Max(1, Math.Min(_segments, ChunkTaps / _length));
        var parts = (_length + ChunkTaps - 1) / ChunkTaps;
        for (var segment = 0; segment < _segments; segment += together)
            for (var part = 0; part < parts; part++)
            {
                var (from, to) = ((int)((long)_length * part / parts), (int)((long)_length * (part + 1) / parts));
                var chunk = new Chunk(segment, Math.Min(together, _segments - segment), from, to - from,
                    IsFirst: segment == 0 && part == 0, IsLast: segment + together >= _segments && part == parts - 1);
                for (int column = 0, width; column < Padded; column += width)
                {
                    width = WidthAt(column);
                    var height = width == Wide ? DenseTile.WideRows : DenseTile.Rows;
                    for (var step = first; step < last; step += height)
                        Tile(work, chunk, step, (int)Math.Min(height, last - step), column, width);
                }
            }
    }

    /// <summary>Columns of the panel that begins at one.</summary>
    private int WidthAt(int column) => Padded - column >= Wide ? Wide : Padded - column >= Middle ? Middle : Narrow;

    private void Tile(in Work work, in Chunk chunk, long step, int rows, int column, int width)
    {
        var used = Math.Min(width, Columns - column);
        var whole = used == width && rows == (width == Wide ? DenseTile.WideRows : DenseTile.Rows);
        float* result = work.Y + step * Columns + column;
        var (sums, sumStep) = whole ? ((nint)result, Columns) : ((nint)work.Scratch, width);
        var (start, startStep) = (sums, sumStep);
        if (chunk.IsFirst && work.Add == null)
            (start, startStep) = ((nint)(_bias + column), 0);
        else if (chunk.IsFirst || !whole)
            for (var row = 0; row < rows; row++)
                Start(chunk.IsFirst ? work.Add + (step + row) * Columns + column : result + (long)row * Columns, chunk.IsFirst ? _bias + column : null, (float*)sums + row * sumStep, used);
        var source = new DenseTile.Source(work.X + step * _stride * Inputs + (long)chunk.Segment * _dilation * Inputs + chunk.From, (long)_stride * Inputs, rows,
            chunk.Segments, chunk.Length, (long)_dilation * Inputs);
        var target = new DenseTile.Target((float*)start, startStep, (float*)sums, sumStep);
        float* panel = _panels + (long)column * Taps * Inputs + ((long)chunk.Segment * _length + chunk.From) * width;
        if (width == Wide && rows == 1)
            DenseTile.Single(source, panel, target);
        else if (width == Wide)
            DenseTile.Wide(source, panel, target);
        else if (width == Middle)
            DenseTile.Middle(source, panel, target);
        else
            DenseTile.Narrow(source, panel, target);
        if (!whole || (chunk.IsLast && work.Elu))
            for (var row = 0; row < rows; row++)
                Finish((float*)sums + row * sumStep, result + (long)row * Columns, used, chunk.IsLast && work.Elu);
    }

    /// <summary>Copies what sums start from, with the bias where there is one.</summary>
    private static void Start(float* from, float* bias, float* to, int count)
    {
        var i = 0;
        for (; i + DenseTile.Lanes <= count; i += DenseTile.Lanes)
            Vector512.Store(bias == null ? Vector512.Load(from + i) : Vector512.Load(bias + i) + Vector512.Load(from + i), to + i);
        for (; i < count; i++)
            to[i] = bias == null ? from[i] : bias[i] + from[i];
    }

    /// <summary>Copies results out or, where they lie there already, finishes them; the scratch row is a whole number of vectors long.</summary>
    private static void Finish(float* sums, float* to, int count, bool elu)
    {
        for (var i = 0; i < count; i += DenseTile.Lanes)
        {
            var value = Vector512.Load(sums + i);
            if (elu)
                value = VectorMath.Elu(value);
            if (i + DenseTile.Lanes <= count)
            {
                Vector512.Store(value, to + i);
                continue;
            }
            Vector512.Store(value, sums + i);
            for (var j = i; j < count; j++)
                to[j] = sums[j];
        }
    }

    private readonly struct Work(float* x, float* y, float* add, bool elu, float* scratch)
    {
        public readonly float* X = x, Y = y, Add = add, Scratch = scratch;
        public readonly bool Elu = elu;
    }

    /// <summary>Taps [From, From + Length) of some segments.</summary>
    private readonly record struct Chunk(int Segment, int Segments, int From, int Length, bool IsFirst, bool IsLast);

    /// <param name="weight_KIO">[taps, inputs, columns], any strides.</param>
    /// <param name="bias_O">[columns] or null.</param>
    private void Pack(Tensor weight_KIO, Tensor? bias_O)
    {
        using var none = no_grad();
        // Read where they lie: a managed copy of every weight would linger until the next collection.
        using var dense = weight_KIO.detach().to(float32).cpu().contiguous();
        float* values = ChannelPattern.Pointer(dense);
        float* panel = _panels;
        for (int column = 0, width; column < Columns; column += width)
        {
            width = WidthAt(column);
            var used = Math.Min(width, Columns - column);
            for (var tap = 0; tap < Taps * Inputs; tap++, panel += width)
                new ReadOnlySpan<float>(values + (long)tap * Columns + column, used).CopyTo(new Span<float>(panel, used));
        }
        if (bias_O is not null)
            ChannelPattern.Values(bias_O).CopyTo(new Span<float>(_bias, Columns));
    }

    private void Free()
    {
        NativeMemory.AlignedFree(_panels);
        _panels = null;
    }
}
