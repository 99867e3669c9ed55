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
internal unsafe class DenseConv : FrameConv
{
    private const int Wide = DenseTile.WideColumns, Middle = 2 * DenseTile.Lanes, Narrow = DenseTile.Lanes;
    private protected const int BlockRows = 3 * DenseTile.Rows; // whole tiles of any height
    private protected const int BlockFloats = 1 << 17; // inputs that one pass over all panels should find in the cache
    private const int ChunkTaps = 768; // weights of a panel that all tiles of a block should find there

    private readonly Chunk[] _chunks;
    private float* _panels; // [panel][taps][64 or, in the last two, 32 and 16]
    private readonly AlignedFloats _bias;

    /// <param name="shape">Sizes.</param>
    /// <param name="weight_KIO">[taps, inputs, columns], any strides.</param>
    /// <param name="bias_O">[columns] or null.</param>
    public DenseConv(ConvShape shape, Tensor weight_KIO, Tensor? bias_O) : this(shape)
    {
        var bytes = (nuint)((long)Taps * Inputs * Padded * sizeof(float));
        _panels = (float*)NativeMemory.AlignedAlloc(bytes, 64);
        NativeMemory.Clear(_panels, bytes);
        Pack(weight_KIO);
        if (bias_O is not null)
            ChannelPattern.Values(bias_O).CopyTo(Bias);
    }

    /// <summary>Without panels: whoever derives from it has its own.</summary>
    private protected DenseConv(ConvShape shape) : this(shape, ChunksOf(shape))
    {
    }

    /// <param name="shape">Sizes.</param>
    /// <param name="chunks">Of the taps, in order.</param>
    private protected DenseConv(ConvShape shape, Chunk[] chunks) : base(shape)
    {
        _chunks = chunks;
        Padded = (shape.Columns + Narrow - 1) / Narrow * Narrow;
        _bias = new AlignedFloats(Padded);
    }

    ~DenseConv() => Free();

    /// <param name="shape">Sizes.</param>
    /// <param name="weight_KIO">[taps, inputs, columns], any strides.</param>
    /// <param name="bias_O">[columns] or null.</param>
    /// <param name="reduced">Products of 16-bit numbers where they can be had.</param>
    /// <param name="numbers">See <see cref="PairConv"/>.</param>
    public static DenseConv Of(ConvShape shape, Tensor weight_KIO, Tensor? bias_O, bool reduced, PairNumbers? numbers = null)
        => reduced && PairConv.Applies(shape) ? new PairConv(shape, weight_KIO, bias_O, numbers) : new DenseConv(shape, weight_KIO, bias_O);

    private int Taps => Shape.Taps;

    private int Inputs => Shape.Inputs;

    private int Columns => Shape.Columns;

    /// <summary>Of the taps, in order.</summary>
    private protected ReadOnlySpan<Chunk> Chunks => _chunks;

    /// <summary>Columns, with those of padding.</summary>
    private protected int Padded { get; }

    /// <summary>Groups of 64 columns, the last of which may be smaller.</summary>
    private protected int Panels => (Padded + Wide - 1) / Wide;

    /// <summary>[columns].</summary>
    private protected Span<float> Bias => new(_bias.Pointer, Columns);

    /// <summary>Rows that a pass over all weights takes at most.</summary>
    private protected virtual int MostRows => Math.Max(BlockFloats / Math.Clamp(Shape.Stride * Inputs, 1, ChunkTaps) / BlockRows, 1) * BlockRows; // of long rows one chunk at a time

    public override void Run(float* x, float* y, float* add, long steps, bool elu)
    {
        var (from, to, plus) = ((nint)x, (nint)y, (nint)add); // pointers cannot be captured
        RowBlocks.Run(steps, (long)Taps * Inputs * Padded,
            (first, last) => Blocks((float*)from, (float*)to, (float*)plus, first, last, elu, 0, Panels));
    }

    internal override void RunAlone(float* x, float* y, float* add, long steps, bool elu) => Blocks(x, y, add, 0, steps, elu, 0, Panels);

    public override void Dispose()
    {
        _bias.Dispose();
        Free();
        GC.SuppressFinalize(this);
    }

    /// <summary>Rows [first, last) of the columns of panels [from, to).</summary>
    private protected void Blocks(float* x, float* y, float* add, long first, long last, bool elu, int from, int to)
    {
        float* scratch = stackalloc float[DenseTile.Rows * Wide + DenseTile.Lanes];
        scratch = (float*)(((nint)scratch + 63) & ~(nint)63);
        var work = new Work(x, y, add, elu, scratch, _bias.Pointer, from * Wide, Math.Min(to * Wide, Padded));
        var block = MostRows;
        for (var start = first; start < last; start += block)
            Block(work, start, Math.Min(start + block, last));
    }

    /// <summary>Some rows: taps by chunks, within them columns by panels, within them rows by tiles. Sums wait in the result for the next chunk.</summary>
    private void Block(Work work, long first, long last)
    {
        Prepare(ref work, first, last);
        foreach (var chunk in Chunks)
            for (int column = work.FirstColumn, width; column < work.LastColumn; column += width)
            {
                width = WidthAt(column);
                var panel = new Panel(PanelAt(column, width, chunk.Segment * chunk.SegmentLength + chunk.From, chunk.Segments * chunk.Length), column, width);
                var height = HeightOf(width);
                for (var step = first; step < last; step += height)
                    Tile(work, chunk, panel, step, (int)Math.Min(height, last - step));
            }
    }

    /// <summary>What the tiles of some rows need besides.</summary>
    private protected virtual void Prepare(ref Work work, long first, long last)
    {
    }

    /// <summary>Rows of a tile.</summary>
    private protected virtual int HeightOf(int width) => width == Wide ? DenseTile.WideRows : DenseTile.Rows;

    /// <summary>Weights [taps][width] of some columns, until the same thread asks for others.</summary>
    /// <param name="column">The first.</param>
    /// <param name="width">How many.</param>
    /// <param name="from">First tap and input of those that are wanted.</param>
    /// <param name="count">How many.</param>
    private protected virtual float* PanelAt(int column, int width, int from, int count)
    {
        ObjectDisposedException.ThrowIf(_panels == null, this);
        return _panels + (long)column * Taps * Inputs + (long)from * width;
    }

    /// <summary>Columns of the panel that begins at one.</summary>
    private protected int WidthAt(int column) => Padded - column >= Wide ? Wide : Padded - column >= Middle ? Middle : Narrow;

    private void Tile(in Work work, in Chunk chunk, in Panel panel, long step, int rows)
    {
        var (column, width) = (panel.Column, panel.Width);
        var used = Math.Min(width, Columns - column);
        var whole = used == width && rows == HeightOf(width);
        float* result = work.Y + step * Columns + column;
        var (sums, sumStep) = whole ? ((nint)result, Columns) : ((nint)work.Scratch, width);
        var (start, startStep) = (sums, sumStep);
        if (chunk.IsFirst && work.Add == null)
            (start, startStep) = ((nint)(work.Bias + column), 0);
        else if (chunk.IsFirst || !whole)
            for (var row = 0; row < rows; row++)
                Start(chunk.IsFirst ? work.Add + (step + row) * Columns + column : result + (long)row * Columns, chunk.IsFirst ? work.Bias + column : null, (float*)sums + row * sumStep, used);
        Multiply(work, chunk, panel, step, rows, new DenseTile.Target((float*)start, startStep, (float*)sums, sumStep));
        if (!whole || (chunk.IsLast && work.Elu))
            for (var row = 0; row < rows; row++)
                Finish((float*)sums + row * sumStep, result + (long)row * Columns, used, chunk.IsLast && work.Elu);
    }

    /// <summary>A tile.</summary>
    private protected virtual void Multiply(in Work work, in Chunk chunk, in Panel panel, long step, int rows, in DenseTile.Target target)
    {
        var source = new DenseTile.Source(work.X + step * Shape.Stride * Inputs + (long)chunk.Segment * Shape.Dilation * Inputs + chunk.From, (long)Shape.Stride * Inputs, rows,
            chunk.Segments, chunk.Length, (long)Shape.Dilation * Inputs);
        if (panel.Width == Wide && rows == 1)
            DenseTile.Single(source, panel.Weights, target);
        else if (panel.Width == Wide)
            DenseTile.Wide(source, panel.Weights, target);
        else if (panel.Width == Middle)
            DenseTile.Middle(source, panel.Weights, target);
        else
            DenseTile.Narrow(source, panel.Weights, target);
    }

    /// <summary>Short segments go together, long ones are cut.</summary>
    private static Chunk[] ChunksOf(ConvShape shape)
    {
        var (segments, length) = shape.Dilation == 1 ? (1, shape.Taps * shape.Inputs) : (shape.Taps, shape.Inputs);
        return ChunksOf(segments, length, Math.Max(1, Math.Min(segments, ChunkTaps / length)), (length + ChunkTaps - 1) / ChunkTaps, 1);
    }

    /// <param name="segments">Of so many inputs each...</param>
    /// <param name="length">... that lie side by side.</param>
    /// <param name="together">Segments of a chunk.</param>
    /// <param name="parts">Chunks of a segment, where it is cut.</param>
    /// <param name="unit">Inputs that must not be parted.</param>
    private protected static Chunk[] ChunksOf(int segments, int length, int together, int parts, int unit)
    {
        var chunks = new List<Chunk>();
        for (var segment = 0; segment < segments; segment += together)
            for (var part = 0; part < parts; part++)
            {
                var (from, to) = ((int)((long)length / unit * part / parts) * unit, (int)((long)length / unit * (part + 1) / parts) * unit);
                chunks.Add(new Chunk(chunks.Count, segment, Math.Min(together, segments - segment), length, from, to - from,
                    IsFirst: segment == 0 && part == 0, IsLast: segment + together >= segments && part == parts - 1));
            }
        return [.. chunks];
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

    private protected struct Work(float* x, float* y, float* add, bool elu, float* scratch, float* bias, int firstColumn, int lastColumn)
    {
        public readonly int FirstColumn = firstColumn, LastColumn = lastColumn; // padding included
        public readonly float* X = x, Y = y, Add = add, Scratch = scratch, Bias = bias;
        public readonly bool Elu = elu;

        /// <summary>Inputs of a block in another form.</summary>
        public ushort* Pairs;

        /// <summary>The first step of the block.</summary>
        public long Origin;

        /// <summary>[parts of a row][rows of the block]: factors.</summary>
        public float* Scales;

        /// <summary>Floats from a part to the next.</summary>
        public long ScaleStep;
    }

    /// <summary>Inputs [From, From + Length) of some segments.</summary>
    private protected readonly record struct Chunk(int Index, int Segment, int Segments, int SegmentLength, int From, int Length, bool IsFirst, bool IsLast);

    private protected readonly struct Panel(float* weights, int column, int width)
    {
        public readonly float* Weights = weights;
        public readonly int Column = column, Width = width;
    }

    /// <param name="weight_KIO">[taps, inputs, columns], any strides.</param>
    private void Pack(Tensor weight_KIO)
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
    }

    private void Free()
    {
        NativeMemory.AlignedFree(_panels);
        _panels = null;
    }
}
