using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Codec.Core.Kernels;

/// <summary>
/// A convolution by minimal filtering, see <see cref="WinogradTile"/>: 1.71 (two taps), 2.14 (three) or 2.15 to 2.95 (seven) times fewer multiplications than
/// <see cref="DenseConv"/>, which does the products. Seven taps go as two filters of four whose tiles overlap, so that both read the same transformed
/// rows: a convolution of two taps over the tiles for every product, which is filtered minimally itself unless that would take too much memory.
/// Outputs of a tile are rounded differently from each other: equal bits need runs that begin at the same tile.
/// </summary>
internal sealed unsafe class WinogradConv : FrameConv
{
    private const int BlockFloats = 1 << 17, LeastTiles = 96; // transformed numbers that should stay in the cache; every block reads all weights
    private const int LeastChannels = 40; // harmonic mean of inputs and columns below which transforms cost more than they save
    private const int LeastReduced = 80, LeastReducedOfSeven = 64; // the same beside products of 16-bit numbers
    private const int Lanes = DenseTile.Lanes;

    private const int MostNested = 150_000, MostOfSix = 2_200_000; // weights beyond which forms with more packed ones cost more memory than they save time
    private const int NearWeights = 2048; // products for which a weight that is read should serve a tile, in the long run
    private static readonly WinogradTile Nested = new(3, 2); // rounds finely, which seven products within seven would not

    private readonly WinogradTile _tile;
    private readonly FrameConv[] _products; // G w of every product
    private readonly AlignedFloats _bias;
    private readonly int _inputs, _segments, _leastTiles, _group, _together; // steps of a group of tiles; groups whose bits belong together
    private readonly long _tileWork;

    private static readonly ConcurrentBag<AlignedFloats> Scratch = [], OuterScratch = []; // one for every thread at work, not for every thread that ever was

    /// <param name="shape">Sizes; <see cref="Pays"/> holds.</param>
    /// <param name="weight_KIO">[taps, inputs, columns], any strides.</param>
    /// <param name="bias_O">[columns] or null.</param>
    /// <param name="reduced">Products of 16-bit numbers, see <see cref="PairConv"/>.</param>
    public WinogradConv(ConvShape shape, Tensor weight_KIO, Tensor? bias_O, bool reduced = false) : this(shape, weight_KIO, bias_O, reduced, TileOf(shape, reduced))
    {
    }

    private WinogradConv(ConvShape shape, Tensor weight_KIO, Tensor? bias_O, bool reduced, WinogradTile tile) : base(shape)
    {
        _tile = tile;
        _inputs = shape.Inputs * shape.Stride;
        _segments = (shape.Taps / shape.Stride + _tile.Taps - 1) / _tile.Taps;
        (_group, _together) = (_tile.Outputs * shape.Dilation, TogetherOf(shape, reduced));
        _leastTiles = reduced ? Math.Max(LeastTiles, (int)((long)_inputs * shape.Columns / NearWeights)) : LeastTiles;
        using var scope = NewDisposeScope();
        using var none = no_grad();
        var weight_RIO = weight_KIO.reshape(shape.Taps / shape.Stride, _inputs, shape.Columns);
        _products = [.. Enumerable.Range(0, _tile.Products).Select(j => Product(weight_RIO, j, reduced))];
        _bias = new AlignedFloats(shape.Columns);
        if (bias_O is not null)
            ChannelPattern.Values(bias_O).CopyTo(new Span<float>(_bias.Pointer, shape.Columns));
        _tileWork = (long)(_tile.Products * _segments) * _inputs * shape.Columns;
    }

    internal override int Granule => _group * _together;

    /// <summary>Whether it saves time for long signals: two to three taps (or strides) or seven, and channels enough.</summary>
    public static bool Pays(ConvShape shape, bool reduced = false)
    {
        var (inputs, columns) = ((long)shape.Inputs * shape.Stride, shape.Columns);
        var least = !reduced ? LeastChannels : shape.Taps == 7 ? LeastReducedOfSeven : LeastReduced;
        return TileOf(shape, reduced).Taps > 0 && inputs % Lanes == 0 && columns % Lanes == 0 && 2 * inputs * columns >= least * (inputs + columns)
            && !HasTooManyWeights(shape, reduced);
    }

    /// <summary>Layers of so many weights have too few rows to pay for the memory of a packed copy. Seven taps gain most.</summary>
    public static bool HasTooManyWeights(ConvShape shape, bool reduced = false)
        => (long)shape.Taps * shape.Inputs * shape.Columns / (reduced ? 2 : 1) > (shape.Taps == 7 ? 5_000_000 : 3_000_000);

    /// <summary>Shorter signals leave tiles empty.</summary>
    public static int LeastSteps(ConvShape shape, bool reduced = false) => Math.Max(12 * TileOf(shape, reduced).Outputs, 2 * GranuleOf(shape, reduced));

    /// <summary>See <see cref="FrameConv.Granule"/>.</summary>
    public static int GranuleOf(ConvShape shape, bool reduced = false) => TileOf(shape, reduced).Outputs * shape.Dilation * TogetherOf(shape, reduced);

    public override void Run(float* x, float* y, float* add, long steps, bool elu)
    {
        var (from, to, plus) = ((nint)x, (nint)y, (nint)add); // pointers cannot be captured
        var groups = (steps + _group - 1) / _group;
        RowBlocks.Run((groups + _together - 1) / _together, _tileWork * Shape.Dilation * _together,
            (first, last) => Groups(new Signal((float*)from, (float*)to, (float*)plus, steps, elu), first * _together, Math.Min(last * _together, groups)));
    }

    public override void Dispose()
    {
        _bias.Dispose();
        foreach (var product in _products)
            product.Dispose();
    }

    internal override void RunAlone(float* x, float* y, float* add, long steps, bool elu)
        => Groups(new Signal(x, y, add, steps, elu), 0, (steps + _group - 1) / _group);

    /// <summary>Six outputs want more weights than three.</summary>
    private static WinogradTile TwoTaps(ConvShape shape, bool reduced)
        => reduced || (long)shape.Taps * shape.Inputs * shape.Columns <= MostOfSix ? new(6, 2) : new(3, 2);

    /// <summary>What fits; no taps where nothing does.</summary>
    private static WinogradTile TileOf(ConvShape shape, bool reduced) => (shape.Taps, shape.Stride, shape.Dilation) switch
    {
        (2, 1, _) => TwoTaps(shape, reduced),
        (3, 1, _) => new(5, 3),
        (7, 1, _) => new(4, 4),
        (var taps, var stride, 1) when taps == 2 * stride => TwoTaps(shape, reduced), // rows of a stride go together
        _ => default,
    };

    /// <summary>Seven taps are two filters of four: for every product a convolution of two taps over the tiles, which goes the same way again. So many groups belong together.</summary>
    private static int TogetherOf(ConvShape shape, bool reduced)
        => shape.Taps == 7 && (reduced || shape.Taps * shape.Inputs * shape.Columns <= MostNested) ? Nested.Outputs : 1;

    private FrameConv Product(Tensor weight_RIO, int j, bool reduced)
    {
        using var scope = NewDisposeScope();
        var (filter, segments) = (_tile.Filter(j), new List<Tensor>());
        for (var first = 0; first < weight_RIO.shape[0]; first += _tile.Taps)
        {
            var sum_IO = zeros(weight_RIO.shape[1], weight_RIO.shape[2], ScalarType.Float64);
            for (var k = 0; k < _tile.Taps && first + k < weight_RIO.shape[0]; k++)
                if (filter[k] != 0)
                    sum_IO.add_(weight_RIO[first + k], alpha: filter[k]);
            segments.Add(sum_IO.to(float32));
        }
        // At infinity only the last tap counts, and the second half of seven taps has none there.
        if (j == _tile.Products - 1 && segments.Count * _tile.Taps > weight_RIO.shape[0])
            segments.RemoveAt(segments.Count - 1);
        var shape = new ConvShape(_inputs, segments.Count, Shape.Columns, Dilation: Shape.Dilation);
        if (segments.Count > 1 && _together > 1)
            return new WinogradConv(shape, stack(segments), null, reduced, Nested);
        return DenseConv.Of(shape, stack(segments), null, reduced, PairNumbers.Integer); // bfloat16 would be too coarse: the transforms enlarge errors
    }

    private void Groups(in Signal signal, long first, long last)
    {
        if (_tile.Outputs == 3)
            Groups<ThreeOfTwo>(signal, first, last);
        else if (_tile.Outputs == 6)
            Groups<SixOfTwo>(signal, first, last);
        else if (_tile.Outputs == 4)
            Groups<FourOfFour>(signal, first, last);
        else
            Groups<FiveOfThree>(signal, first, last);
    }

    /// <summary>Groups [first, last) of as many tiles as the dilation says, in blocks whose numbers stay in the cache.</summary>
    private void Groups<T>(in Signal signal, long first, long last) where T : struct, IWinogradTransform
    {
        var (products, dilation) = (_tile.Products, Shape.Dilation);
        var block = Math.Max(Math.Max(BlockFloats / (products * (_inputs + Shape.Columns)), _leastTiles) / dilation / _together, 1) * _together;
        var (groups, overlap) = ((int)Math.Min(block, last - first), _segments - 1);
        nint transformed = (nint)(groups + overlap) * dilation * _inputs, summed = (nint)groups * dilation * Shape.Columns, edge = (nint)products * dilation * _inputs;
        var bag = _together > 1 ? OuterScratch : Scratch;
        bag.TryTake(out var memory);
        var scratch = AlignedFloats.Grow(ref memory, edge + products * (transformed + summed)).Pointer;
        float* inputs = scratch + edge, sums = inputs + products * transformed;
        // Groups before it read no row behind the last.
        var spare = signal.Steps + (Shape.Taps / Shape.Stride - 1 - products) * dilation;
        var inner = spare < 0 ? 0 : spare / _group + 1;
        for (var group = first; group < last; group += groups)
        {
            var count = (int)Math.Min(groups, last - group);
            for (var i = 0; i < count + overlap; i++)
            {
                float* x = group + i < inner ? signal.X + (group + i) * _group * _inputs : Edge(signal, group + i, scratch);
                Transform<T>(x, inputs + (nint)i * dilation * _inputs, transformed);
            }
            for (var j = 0; j < products; j++)
                _products[j].RunAlone(inputs + j * transformed, sums + j * summed, null, count * dilation, elu: false);
            for (var i = 0; i < count; i++)
                Finish<T>(signal, group + i, sums + (nint)i * dilation * Shape.Columns, summed);
        }
        bag.Add(memory!);
    }

    /// <summary>The rows of a group and zeros behind the last of the signal.</summary>
    private float* Edge(in Signal signal, long group, float* window)
    {
        var (row, wanted) = (group * _group, (long)_tile.Products * Shape.Dilation);
        var there = Math.Clamp(signal.Steps + (long)(Shape.Taps / Shape.Stride - 1) * Shape.Dilation - row, 0, wanted) * _inputs;
        new Span<float>(window, (int)(wanted * _inputs)).Clear();
        Buffer.MemoryCopy(signal.X + row * _inputs, window, there * sizeof(float), there * sizeof(float));
        return window;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Transform<T>(float* x, float* to, nint step) where T : struct, IWinogradTransform
    {
        nint row = (nint)Shape.Dilation * _inputs; // tiles of a group begin at rows that follow each other
        for (nint c = 0; c < row; c += Lanes)
            T.Input(x + c, row, to + c, step);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Finish<T>(in Signal signal, long group, float* sums, nint step) where T : struct, IWinogradTransform
    {
        nint columns = Shape.Columns, row = Shape.Dilation * columns;
        float* y = signal.Y + group * _group * columns, add = signal.Add == null ? null : signal.Add + group * _group * columns;
        float* bias = _bias.Pointer;
        var left = (nint)(signal.Steps - group * _group) * columns; // floats that are wanted from here on
        for (nint tile = 0; tile < row; tile += columns)
            for (nint c = 0; c < columns; c += Lanes)
            {
                IWinogradTransform.Outputs outputs = default;
                var at = tile + c;
                T.Output(sums + at, step, Vector512.Load(bias + c), ref outputs);
                Store(outputs.Y0, signal, y, add, at, left);
                Store(outputs.Y1, signal, y, add, at + row, left);
                Store(outputs.Y2, signal, y, add, at + 2 * row, left);
                if (_tile.Outputs > 3)
                    Store(outputs.Y3, signal, y, add, at + 3 * row, left);
                if (_tile.Outputs > 4)
                    Store(outputs.Y4, signal, y, add, at + 4 * row, left);
                if (_tile.Outputs > 5)
                    Store(outputs.Y5, signal, y, add, at + 5 * row, left);
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Vector512<float> value, in Signal signal, float* y, float* add, nint at, nint left)
    {
        if (at >= left)
            return;
        if (add != null)
            value += Vector512.Load(add + at);
        Vector512.Store(signal.Elu ? VectorMath.Elu(value) : value, y + at);
    }

    private readonly struct Signal(float* x, float* y, float* add, long steps, bool elu)
    {
        public readonly float* X = x, Y = y, Add = add;
        public readonly long Steps = steps;
        public readonly bool Elu = elu;
    }
}
