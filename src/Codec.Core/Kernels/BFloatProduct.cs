using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Codec.Core.Kernels;

/// <summary>
/// The products of <see cref="MatrixProduct"/> with both sides rounded to bfloat16 and float32 sums. Numbers go in pairs: two of a row that follow
/// each other, or two of a column; of an odd number the last has a zero beside it.
/// </summary>
internal static unsafe class BFloatProduct
{
    // A packed tile of the transposed product holds the pairs of 6 rows in 8.
    private const int TileStep = 8;

    private const int Lanes = RowTile.Lanes, Panel = RowTile.Wide, TileRows = RowTile.Rows;

    [ThreadStatic] private static AlignedFloats? _scratch;

    /// <summary>Packs B, [K, N] row by row, into panels of [(K + 1) / 2][64] pairs.</summary>
    public static void Pack(float* b_KN, int rows, int columns, uint* panels)
    {
        for (var column = 0; column < columns; column += Panel)
            for (var k = 0; k < rows; k += 2, panels += Panel)
            {
                float* first = b_KN + (long)k * columns + column;
                for (var i = 0; i < Panel; i += Lanes)
                    Vector512.Store(Across(Vector512.Load(first + i), k + 1 < rows ? Vector512.Load(first + columns + i) : Vector512<float>.Zero), panels + i);
            }
    }

    /// <summary>Packs B that is stored transposed, [N, K] row by row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackTransposed(float* b_NK, int rows, int columns, uint* panels)
    {
        var pairs = (rows + 1) / 2;
        uint* block = stackalloc uint[Lanes];
        for (var column = 0; column < columns; column += Panel, b_NK += (long)Panel * rows, panels += (long)Panel * pairs)
            for (var at = 0; at < pairs; at += Lanes)
                for (var j = 0; j < Panel; j++)
                {
                    var count = Math.Min(Lanes, pairs - at);
                    PairRows.ToBFloat(b_NK + (long)j * rows + 2 * at, Math.Min(2 * Lanes, rows - 2 * at), (ushort*)block);
                    uint* to = panels + (long)at * Panel + j;
                    for (var k = 0; k < count; k++)
                        to[(long)k * Panel] = block[k];
                }
    }

    /// <summary>Rows [first, last) of A B + bias.</summary>
    public static void Rows<TSink>(float* a, int first, int last, int taps, uint* panels, int columns, float* bias, TSink sink) where TSink : struct, IRowSink
    {
        float* sums = stackalloc float[TileRows * Panel];
        var (pairs, tiles) = ((taps + 1) / 2, (last - first + TileRows - 1) / TileRows);
        var step = (pairs + Lanes - 1) / Lanes * Lanes;
        uint* packed = (uint*)AlignedFloats.Grow(ref _scratch, (long)tiles * TileRows * step).Pointer;
        for (var row = first; row < last; row++)
            PairRows.ToBFloat(a + (long)row * taps, taps, (ushort*)(packed + (long)(row - first) * step));
        for (var column = 0; column < columns; column += Panel, panels += (long)pairs * Panel)
            for (var row = first; row < last; row += TileRows)
            {
                Tile(packed + (long)(row - first) * step, step, panels, pairs, bias + column, sums, 1);
                sink.Take(sums, row, Math.Min(TileRows, last - row), column, Panel);
            }
    }

    /// <summary>Rows [first, last) of the transpose of A times B.</summary>
    /// <param name="a">First of the columns of A that are those rows.</param>
    /// <param name="stride">Floats from a row of A to the next.</param>
    public static void Across<TSink>(float* a, int first, int last, int stride, int taps, uint* panels, int columns, float* zeros, TSink sink) where TSink : struct, IRowSink
    {
        float* sums = stackalloc float[TileRows * Panel];
        var (pairs, tiles) = ((taps + 1) / 2, (last - first + TileRows - 1) / TileRows);
        uint* packed = (uint*)AlignedFloats.Grow(ref _scratch, (long)tiles * pairs * TileStep).Pointer;
        PackTiles(a, last - first, stride, taps, packed);
        for (var column = 0; column < columns; column += Panel, panels += (long)pairs * Panel)
            for (var tile = 0; tile < tiles; tile++)
            {
                var row = first + tile * TileRows;
                Tile(packed + (long)tile * pairs * TileStep, 1, panels, pairs, zeros, sums, TileStep);
                sink.Take(sums, row, Math.Min(TileRows, last - row), column, Panel);
            }
    }

    /// <param name="row">Pairs from a row to the next.</param>
    /// <param name="step">Pairs from one to the next of the same row.</param>
    private static void Tile(uint* x, nint row, uint* panel, int pairs, float* bias, float* sums, nint step)
    {
        var call = new PairTile.Call
        {
            X = x, Row = row * PairTile.Pair, Step = step * PairTile.Pair, Weights = panel, Pairs = pairs,
            Start = bias, Sums = sums, SumStep = Panel * sizeof(float),
        };
        PairTile.Run(PairNumbers.BFloat, Panel, &call);
    }

    /// <summary>Columns of A, six at a time: [tile][pairs of K][8].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PackTiles(float* a, int width, int stride, int taps, uint* packed)
    {
        var pairs = (taps + 1) / 2;
        uint* block = stackalloc uint[3 * Lanes];
        for (var k = 0; k < taps; k += 2, a += 2 * stride, packed += TileStep)
            for (var column = 0; column < width; column += 3 * Lanes)
            {
                var count = Math.Min(3 * Lanes, width - column);
                for (var i = 0; i < count; i += Lanes)
                    if (i + Lanes <= count)
                        Vector512.Store(Across(Vector512.Load(a + column + i), k + 1 < taps ? Vector512.Load(a + stride + column + i) : Vector512<float>.Zero), block + i);
                    else
                        for (var j = i; j < count; j++)
                            block[j] = PairRows.Round(a[column + j]) | (k + 1 < taps ? PairRows.Round(a[stride + column + j]) << 16 : 0);
                for (var tile = 0; tile * TileRows < count; tile++)
                {
                    uint* to = packed + (long)(column / TileRows + tile) * pairs * TileStep;
                    for (var j = 0; j < Math.Min(TileRows, count - tile * TileRows); j++)
                        to[j] = block[tile * TileRows + j];
                }
            }
    }

    /// <summary>Pairs of two vectors, lane by lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> Across(Vector512<float> low, Vector512<float> high)
        => (PairRows.Rounded(low) >> 16) | (PairRows.Rounded(high) & Vector512.Create(0xFFFF0000u));
}
