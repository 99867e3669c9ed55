using System.Runtime.CompilerServices;

namespace Codec.Core.Kernels;

/// <summary>
/// <see cref="RowLinear"/> for few rows with weights and inputs of 16 bits, see <see cref="PairConv"/>: what bounds it is how fast the weights
/// come from the cache.
/// </summary>
internal sealed unsafe class PairLinear
{
    private const int Wide = RowTile.Wide;

    [ThreadStatic] private static AlignedFloats? _scratch;

    private readonly WeightMemory _memory;
    private readonly ushort* _weights; // [panels][pairs][64] pairs
    private readonly float* _factors, _zeros; // [columns]; [64]
    private readonly int _inputs, _pairs;

    /// <param name="weight_OI">[O, I], row by row; O is a multiple of 64.</param>
    /// <param name="inputs">I.</param>
    /// <param name="memory">Holds the weights; stays the caller's and must live as long.</param>
    public PairLinear(ReadOnlySpan<float> weight_OI, int inputs, WeightMemory memory)
    {
        (_inputs, _pairs, _memory) = (inputs, (inputs + 3) / 4 * 2, memory);
        var outputs = weight_OI.Length / inputs;
        Panels = outputs / Wide;
        _weights = (ushort*)memory.Take((long)outputs * _pairs);
        _factors = memory.Take(outputs + Wide);
        _zeros = _factors + outputs;
        for (var column = 0; column < outputs; column++)
        {
            var row = weight_OI.Slice(column * inputs, inputs);
            var scale = PairRows.WeightScale(row);
            _factors[column] = scale == 0 ? 0 : 1 / scale;
            ushort* to = _weights + (long)column / Wide * Wide * _pairs * 2;
            for (var i = 0; i < inputs; i++)
                to[(i / 2 * Wide + column % Wide) * 2 + i % 2] = (ushort)(short)MathF.Round(row[i] * scale);
        }
    }

    /// <summary>Groups of 64 columns.</summary>
    public int Panels { get; }

    /// <summary>The products of some panels.</summary>
    /// <param name="x">First row.</param>
    /// <param name="step">Floats from one row to the next.</param>
    /// <param name="rows">How many.</param>
    /// <param name="sink">Receives the results, panel by panel.</param>
    /// <param name="first">Panel.</param>
    /// <param name="last">Panel behind the last.</param>
    /// <param name="backwards">Begins with the last panel.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run<TSink>(float* x, nint step, int rows, TSink sink, int first, int last, bool backwards) where TSink : struct, IRowSink
    {
        float* sums = AlignedFloats.Grow(ref _scratch, Wide + rows + (long)rows * _pairs).Pointer, scales = sums + Wide;
        short* inputs = (short*)(scales + rows);
        for (var row = 0; row < rows; row++)
            scales[row] = PairRows.ToIntegers(x + row * step, _inputs, inputs + (long)row * 2 * _pairs);
        for (var i = first; i < last; i++)
        {
            var panel = backwards ? first + last - 1 - i : i;
            for (var row = 0; row < rows; row++)
            {
                var call = new PairTile.Call
                {
                    X = inputs + (long)row * 2 * _pairs, Weights = (uint*)(_weights + (long)panel * Wide * _pairs * 2), Pairs = _pairs,
                    Start = _zeros, Sums = sums, RowScale = scales + row, ColumnScale = _factors + panel * Wide,
                };
                PairTile.Single(&call);
                sink.Take(sums, row, 1, panel * Wide, Wide);
            }
        }
        GC.KeepAlive(_memory);
    }
}
