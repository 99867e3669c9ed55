using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Codec.Core.Kernels;

/// <summary>
/// <see cref="DenseConv"/> with products of 16-bit numbers and sums in float32: in half the time, where the processor has the instructions. Rows of
/// many inputs are rounded to whole numbers with a factor of their own, and so are weights: 13 bits, errors of 2 to 3 parts in 10,000 of a sum. Shorter
/// rows, for which finding the factor costs too much, are rounded to bfloat16, 8 bits, ten times as coarsely. Inputs and outputs are float32, and a row's bits depend on
/// nothing else.
/// </summary>
internal sealed unsafe class PairConv : DenseConv
{
    private const int ShortestInteger = 96; // inputs that share a factor
    private const int LongestInteger = 256; // longer ones would leave fewer bits to the weights: their sums must fit 32 bits
    private const int LongestBFloat = 1024;
    private const int ManyWeights = 1 << 19; // pairs of them that threads do not read twice
    private const int Slack = 12; // rows that a tile reads behind the last

    [ThreadStatic]
    private static AlignedFloats? _scratch;

    private readonly PairNumbers _numbers;
    private readonly int _unit, _apart, _parts;
    private readonly float* _factors; // [chunks][columns]
    private uint* _panels; // [chunk][panel][pairs][64 or, in the last two, 32 and 16], then the factors

    /// <param name="shape">Sizes; <see cref="Applies"/> holds.</param>
    /// <param name="weight_KIO">[taps, inputs, columns], any strides.</param>
    /// <param name="bias_O">[columns] or null.</param>
    /// <param name="numbers">What to round to; null: as the length of rows says.</param>
    public PairConv(ConvShape shape, Tensor weight_KIO, Tensor? bias_O, PairNumbers? numbers = null) : this(shape, numbers ?? NumbersOf(shape))
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        var dense = weight_KIO.detach().to(float32).cpu().contiguous();
        Pack(ChannelPattern.Pointer(dense));
        if (bias_O is not null)
            ChannelPattern.Values(bias_O).CopyTo(Bias);
    }

    private PairConv(ConvShape shape, PairNumbers numbers) : base(shape, ChunksOf(shape, numbers))
    {
        (_numbers, _unit, _apart) = (numbers, UnitOf(shape), shape.Dilation);
        _parts = Math.Max(Chunks.Length / (shape.Taps / shape.Stride), 1);
        var (weights, factors) = ((long)shape.Taps * shape.Inputs / 2 * Padded, (long)Chunks.Length * Padded);
        var bytes = (nuint)((weights + factors) * sizeof(uint));
        _panels = (uint*)NativeMemory.AlignedAlloc(bytes, 64);
        NativeMemory.Clear(_panels, bytes);
        _factors = (float*)(_panels + weights);
    }

    ~PairConv() => Free();

    private protected override int MostRows => Math.Max(BlockFloats / Math.Min(_unit, LongestBFloat) / BlockRows, 1) * BlockRows;

    /// <summary>Whether this processor has the instructions, and whether inputs go in pairs.</summary>
    public static bool Applies(ConvShape shape)
        => PairTile.Supports(PairNumbers.BFloat) && PairTile.Supports(PairNumbers.Integer)
            && UnitOf(shape) % 2 == 0 && (shape.Stride == 1 || (shape.Dilation == 1 && shape.Taps % shape.Stride == 0));

    public override void Run(float* x, float* y, float* add, long steps, bool elu)
    {
        var (from, to, plus) = ((nint)x, (nint)y, (nint)add); // pointers cannot be captured
        var work = (long)Shape.Taps * Shape.Inputs * Padded / 2;
        if (work < ManyWeights || Panels < 2)
            RowBlocks.Run(steps, work, (first, last) => Blocks((float*)from, (float*)to, (float*)plus, first, last, elu, 0, Panels));
        else // every thread reads its own weights
            RowBlocks.Run(Panels, steps * work / Panels, (first, last) => Blocks((float*)from, (float*)to, (float*)plus, 0, steps, elu, (int)first, (int)last));
    }

    public override void Dispose()
    {
        base.Dispose();
        Free();
        GC.SuppressFinalize(this);
    }

    /// <summary>Rounds the inputs of a block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private protected override void Prepare(ref Work work, long first, long last)
    {
        var units = (int)(last - first) + (Shape.Taps / Shape.Stride - 1) * _apart;
        long numbers = (long)(units + Slack) * _unit, factors = _numbers == PairNumbers.Integer ? (long)_parts * (units + Slack) : 0;
        var scratch = AlignedFloats.Grow(ref _scratch, (numbers + 1) / 2 + factors + 64).Pointer;
        work.Pairs = (ushort*)scratch;
        work.Scales = scratch + (numbers + 1) / 2;
        work.Origin = first;
        work.ScaleStep = units + Slack;
        float* x = work.X + first * _unit;
        if (_numbers == PairNumbers.BFloat)
        {
            PairRows.ToBFloat(x, (long)units * _unit, work.Pairs);
            return;
        }
        for (var part = 0; part < _parts; part++)
        {
            var (from, length) = (Chunks[part].From, Chunks[part].Length);
            for (var unit = 0; unit < units; unit++)
                work.Scales[part * work.ScaleStep + unit] = PairRows.ToIntegers(x + (long)unit * _unit + from, length, (short*)work.Pairs + (long)unit * _unit + from);
        }
    }

    private protected override int HeightOf(int width) => PairTile.Rows(width);

    private protected override float* PanelAt(int column, int width, int from, int count)
    {
        ObjectDisposedException.ThrowIf(_panels == null, this);
        return (float*)(_panels + (long)from / 2 * Padded + (long)column * count / 2);
    }

    private protected override void Multiply(in Work work, in Chunk chunk, in Panel panel, long step, int rows, in DenseTile.Target target)
    {
        var row = step - work.Origin + (long)chunk.Segment * _apart;
        var call = new PairTile.Call
        {
            X = work.Pairs + row * _unit + chunk.From, Row = (nint)_unit * sizeof(ushort), Step = PairTile.Pair,
            Weights = (uint*)panel.Weights, Pairs = chunk.Segments * chunk.Length / 2,
            Start = target.Start(0), StartStep = target.StartBytes, Sums = target.Sums(0), SumStep = target.Bytes,
        };
        if (_numbers == PairNumbers.Integer)
        {
            call.RowScale = work.Scales + chunk.Index % _parts * work.ScaleStep + row;
            call.ColumnScale = _factors + (long)chunk.Index * Padded + panel.Column;
        }
        PairTile.Run(_numbers, panel.Width, &call);
    }

    /// <summary>Inputs side by side that a step goes on by.</summary>
    private static int UnitOf(ConvShape shape) => shape.Inputs * shape.Stride;

    private static PairNumbers NumbersOf(ConvShape shape) => UnitOf(shape) >= ShortestInteger ? PairNumbers.Integer : PairNumbers.BFloat;

    private static Chunk[] ChunksOf(ConvShape shape, PairNumbers numbers)
    {
        var (unit, taps) = (UnitOf(shape), shape.Taps / shape.Stride);
        return numbers == PairNumbers.Integer ? ChunksOf(taps, unit, 1, (unit + LongestInteger - 1) / LongestInteger, 2)
            : shape.Dilation == 1 ? ChunksOf(1, taps * unit, 1, (taps * unit + LongestBFloat - 1) / LongestBFloat, 2)
            : ChunksOf(taps, unit, 1, 1, 2);
    }

    /// <param name="weight_KIO">[taps, inputs, columns].</param>
    private void Pack(float* weight_KIO)
    {
        foreach (var chunk in Chunks)
        {
            var from = chunk.Segment * chunk.SegmentLength + chunk.From;
            float* rows = weight_KIO + (long)from * Shape.Columns, factors = _factors + (long)chunk.Index * Padded;
            for (int column = 0, width; column < Shape.Columns; column += width)
            {
                width = WidthAt(column);
                var used = Math.Min(width, Shape.Columns - column);
                ushort* to = (ushort*)PanelAt(column, width, from, chunk.Length);
                if (_numbers == PairNumbers.Integer)
                    PackIntegers(rows + column, used, chunk.Length, to, width, factors + column);
                else
                    PackBFloat(rows + column, used, chunk.Length, to, width);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void PackBFloat(float* rows, int columns, int count, ushort* to, int width)
    {
        for (var i = 0; i < count; i++, rows += Shape.Columns)
            for (var j = 0; j < columns; j++)
                to[(i / 2 * width + j) * 2 + i % 2] = (ushort)PairRows.Round(rows[j]);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void PackIntegers(float* rows, int columns, int count, ushort* to, int width, float* factors)
    {
        Span<float> column = stackalloc float[LongestInteger];
        column = column[..count];
        for (var j = 0; j < columns; j++)
        {
            for (var i = 0; i < count; i++)
                column[i] = rows[(long)i * Shape.Columns + j];
            var scale = PairRows.WeightScale(column);
            factors[j] = scale == 0 ? 0 : 1 / scale;
            for (var i = 0; i < count; i++)
                to[(i / 2 * width + j) * 2 + i % 2] = (ushort)(short)MathF.Round(column[i] * scale);
        }
    }

    private void Free()
    {
        NativeMemory.AlignedFree(_panels);
        _panels = null;
    }
}
