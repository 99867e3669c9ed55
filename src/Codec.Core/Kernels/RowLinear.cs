using System.Runtime.CompilerServices;

namespace Codec.Core.Kernels;

/// <summary>
/// A linear map of float32 rows, y = W x + b, with its weights packed once: in 16 bits where that is exact, which halves what
/// a single row has to read. Bits of a row do not depend on what is computed with it. Columns are padded with zeros to
/// whole vectors. Immutable; any number of threads may run it.
/// </summary>
internal sealed unsafe class RowLinear : IDisposable
{
    private const int Lanes = RowTile.Lanes, Wide = RowTile.Wide;

    [ThreadStatic] private static AlignedFloats? _scratch;

    private readonly AlignedFloats _bias;
    private readonly WeightMemory _memory;
    private readonly float* _weights; // panels [taps][64], then [taps][16]; where _half 16-bit numbers in the order of HalfWeights.Place
    private readonly bool _half;
    private readonly int _wideColumns, _taps; // inputs with one of padding where their number is odd

    /// <param name="weight_OI">[O, I], row by row.</param>
    /// <param name="bias_O">[O]; empty for zeros.</param>
    /// <param name="inputs">I.</param>
    /// <param name="memory">Holds the weights; stays the caller's and must live as long.</param>
    /// <param name="padding">Bias of the columns behind the last: what a row finds there.</param>
    public RowLinear(ReadOnlySpan<float> weight_OI, ReadOnlySpan<float> bias_O, int inputs, WeightMemory memory, float padding = 0)
    {
        Inputs = inputs;
        Outputs = weight_OI.Length / inputs;
        Padded = Pad(Outputs);
        _wideColumns = Padded / Wide * Wide;
        _bias = new AlignedFloats(Padded);
        new Span<float>(_bias.Pointer, Padded).Fill(padding);
        var known = new Span<float>(_bias.Pointer, Outputs);
        known.Clear();
        bias_O.CopyTo(known);
        var packed = new ushort[weight_OI.Length];
        _half = HalfWeights.TryPack(weight_OI, packed);
        _taps = (inputs + 1) / 2 * 2;
        var count = (long)_taps * Padded;
        _memory = memory;
        _weights = memory.Take(_half ? (count + 1) / 2 : count);
        if (_half)
            Scatter<ushort>(packed, (ushort*)_weights, HalfWeights.Place);
        else
            Scatter(weight_OI, _weights, index => index);
    }

    public int Inputs { get; }

    public int Outputs { get; }

    /// <summary>Columns with their padding: a multiple of 16.</summary>
    public int Padded { get; }

    /// <summary>Panels of 64 columns; the last may be narrower.</summary>
    public int Panels => (Padded + Wide - 1) / Wide;

    /// <summary>The next multiple of 16.</summary>
    public static int Pad(int columns) => (columns + Lanes - 1) / Lanes * Lanes;

    /// <summary>Maps rows.</summary>
    /// <param name="x">First row.</param>
    /// <param name="step">Floats from one row to the next.</param>
    /// <param name="rows">How many.</param>
    /// <param name="sink">Receives the results.</param>
    public void Run<TSink>(float* x, nint step, int rows, TSink sink) where TSink : struct, IRowSink => Run(x, step, rows, sink, 0, Panels);

    /// <summary>The same for the columns of some panels: work for several threads.</summary>
    public void Run<TSink>(float* x, nint step, int rows, TSink sink, int firstPanel, int lastPanel) where TSink : struct, IRowSink
    {
        float* sums = AlignedFloats.Grow(ref _scratch, (long)_taps * Wide + RowTile.Rows * Wide).Pointer;
        float* panel = sums + RowTile.Rows * Wide;
        var (first, last) = (firstPanel * Wide, Math.Min(lastPanel * Wide, Padded));
        var few = rows == 1 && !_half || (_half && rows <= 2 && Scaled(x, step, rows, panel));
        for (var column = first; column < Math.Min(_wideColumns, last); column += Wide)
            if (few)
                FewRows(_half ? panel : x, rows, column, sums, sink);
            else
                ManyRows(x, step, rows, column, Wide, sums, panel, sink);
        for (var column = Math.Max(_wideColumns, first); column < last; column += Lanes)
            ManyRows(x, step, rows, column, Lanes, sums, panel, sink);
        GC.KeepAlive(_memory);
    }

    public void Dispose() => _bias.Dispose();

    private bool Scaled(float* x, nint step, int rows, float* scaled)
    {
        var fits = true;
        for (var row = 0; row < rows; row++)
            fits &= HalfWeights.TryScale(x + row * step, Inputs, scaled + row * Inputs);
        return fits;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void FewRows<TSink>(float* x, int rows, int column, float* sums, TSink sink) where TSink : struct, IRowSink
    {
        ushort* weights = (ushort*)_weights + (long)column * _taps;
        if (!_half)
            RowTile.One(x, _weights + (long)column * _taps, Inputs, _bias.Pointer + column, sums);
        else if (rows == 1)
            RowTile.OneHalf(x, weights, Inputs, _bias.Pointer + column, sums);
        else
            RowTile.TwoHalf(x, weights, Inputs, _bias.Pointer + column, sums);
        sink.Take(sums, 0, rows, column, Wide);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void ManyRows<TSink>(float* x, nint step, int rows, int column, int width, float* sums, float* panel, TSink sink) where TSink : struct, IRowSink
    {
        float* weights = _weights + (long)column * _taps;
        if (_half)
        {
            HalfWeights.Widen((ushort*)_weights + (long)column * _taps, (long)width * _taps, panel);
            weights = panel;
        }
        // The panel behind this one, of the next map behind the last: read from memory while this one is at work.
        byte* next = _half ? (byte*)((ushort*)_weights + (long)(column + width) * _taps) : (byte*)(weights + (long)width * _taps);
        var pace = width * (_half ? sizeof(ushort) : sizeof(float)) * RowTile.Rows / Math.Max(rows, RowTile.Rows);
        for (var row = 0; row < rows; row += RowTile.Rows, next += (nint)pace * Inputs)
        {
            var count = Math.Min(RowTile.Rows, rows - row);
            if (width == Wide)
                RowTile.Six(x + row * step, step, count, weights, Inputs, _bias.Pointer + column, sums, next, pace);
            else
                RowTile.SixNarrow(x + row * step, step, count, weights, Inputs, _bias.Pointer + column, sums);
            sink.Take(sums, row, count, column, width);
        }
    }

    /// <summary>[O, I] into panels; the target is zero where a panel is padded.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Scatter<T>(ReadOnlySpan<T> weight_OI, T* target, Func<long, long> place) where T : unmanaged
    {
        for (var column = 0; column < Outputs; column++)
        {
            var (first, width) = column < _wideColumns ? (column / Wide * Wide, Wide) : (column / Lanes * Lanes, Lanes);
            T* panel = target + (long)first * _taps;
            // Places repeat after 32 numbers: after one input of a wide panel, two of a narrow one.
            long even = place(column - first), odd = place(width + column - first) - width;
            fixed (T* from = weight_OI.Slice(column * Inputs, Inputs))
                for (var i = 0; i < Inputs; i++)
                    panel[(long)i * width + (i % 2 == 0 ? even : odd)] = from[i];
        }
    }
}
