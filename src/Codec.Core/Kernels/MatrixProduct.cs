using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Codec.Core.Kernels;

/// <summary>
/// Products of float32 matrices that change from call to call (weights under training): the right-hand side is packed into panels
/// of 64 columns first. Every output is one chain of fused multiply-adds, so it does not depend on how rows are split over threads.
/// Both sides may be rounded to bfloat16 instead (<see cref="BFloatProduct"/>), packed and multiplied alike, which takes half the time.
/// </summary>
internal static unsafe class MatrixProduct
{
    public const int Panel = RowTile.Wide;

    // A packed tile of the transposed product holds 6 numbers of a row in 8.
    private const int TileStep = 8;

    [ThreadStatic] private static AlignedFloats? _scratch;

    /// <summary>Packs B, [K, N] row by row, into K N floats; N is a multiple of 64.</summary>
    public static void Pack(float* b_KN, int rows, int columns, float* panels, bool reduced = false)
    {
        if (reduced)
        {
            BFloatProduct.Pack(b_KN, rows, columns, (uint*)panels);
            return;
        }
        for (var column = 0; column < columns; column += Panel)
            for (var k = 0; k < rows; k++, panels += Panel)
                new ReadOnlySpan<float>(b_KN + (long)k * columns + column, Panel).CopyTo(new Span<float>(panels, Panel));
    }

    /// <summary>Packs B that is stored transposed, [N, K] row by row (as the weights of a linear layer are).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackTransposed(float* b_NK, int rows, int columns, float* panels, bool reduced = false)
    {
        if (reduced)
        {
            BFloatProduct.PackTransposed(b_NK, rows, columns, (uint*)panels);
            return;
        }
        for (var column = 0; column < columns; column += Panel, b_NK += (long)Panel * rows, panels += (long)Panel * rows)
            for (var block = 0; block < rows; block += RowTile.Lanes)
                for (var j = 0; j < Panel; j++)
                {
                    // A line of a row at a time, so that what is written stays in the nearest cache.
                    float* from = b_NK + (long)j * rows, to = panels + j;
                    for (var k = block; k < Math.Min(rows, block + RowTile.Lanes); k++)
                        to[(long)k * Panel] = from[k];
                }
    }

    /// <summary>A B + bias.</summary>
    /// <param name="a_MK">[M, K] row by row.</param>
    /// <param name="rows">M.</param>
    /// <param name="taps">K.</param>
    /// <param name="panels">B, packed.</param>
    /// <param name="columns">N.</param>
    /// <param name="bias_N">[N].</param>
    /// <param name="sink">Takes the results.</param>
    /// <param name="reduced">As the panels were packed.</param>
    public static void Run<TSink>(float* a_MK, int rows, int taps, float* panels, int columns, float* bias_N, TSink sink, bool reduced = false) where TSink : struct, IRowSink
    {
        nint a = (nint)a_MK, b = (nint)panels, bias = (nint)bias_N;
        RowBlocks.Run((rows + RowTile.Rows - 1) / RowTile.Rows, (long)RowTile.Rows * taps * columns, (block, end) =>
        {
            var (first, last) = ((int)block * RowTile.Rows, Math.Min(rows, (int)end * RowTile.Rows));
            if (reduced)
                BFloatProduct.Rows((float*)a, first, last, taps, (uint*)b, columns, (float*)bias, sink);
            else
                Rows((float*)a, first, last, taps, (float*)b, columns, (float*)bias, sink);
        });
    }

    /// <summary>The transpose of A times B.</summary>
    /// <param name="a_KM">[K, M] row by row.</param>
    /// <param name="rows">M.</param>
    /// <param name="taps">K.</param>
    /// <param name="panels">B, [K, N], packed.</param>
    /// <param name="columns">N.</param>
    /// <param name="zeros_64">64 zeros.</param>
    /// <param name="sink">Takes the results.</param>
    /// <param name="reduced">As the panels were packed.</param>
    public static void RunTransposed<TSink>(float* a_KM, int rows, int taps, float* panels, int columns, float* zeros_64, TSink sink, bool reduced = false) where TSink : struct, IRowSink
    {
        nint a = (nint)a_KM, b = (nint)panels, zeros = (nint)zeros_64;
        RowBlocks.Run((rows + RowTile.Rows - 1) / RowTile.Rows, (long)RowTile.Rows * taps * columns, (block, end) =>
        {
            var (first, last) = ((int)block * RowTile.Rows, Math.Min(rows, (int)end * RowTile.Rows));
            if (reduced)
                BFloatProduct.Across((float*)a + first, first, last, rows, taps, (uint*)b, columns, (float*)zeros, sink);
            else
                Across((float*)a, first, last, rows, taps, (float*)b, columns, (float*)zeros, sink);
        });
    }

    private static void Rows<TSink>(float* a, int first, int last, int taps, float* panels, int columns, float* bias, TSink sink) where TSink : struct, IRowSink
    {
        float* sums = stackalloc float[RowTile.Rows * Panel];
        for (var column = 0; column < columns; column += Panel, panels += (long)taps * Panel)
            for (var row = first; row < last; row += RowTile.Rows)
            {
                var count = Math.Min(RowTile.Rows, last - row);
                RowTile.Six(a + (long)row * taps, taps, count, panels, taps, bias + column, sums);
                sink.Take(sums, row, count, column, Panel);
            }
    }

    private static void Across<TSink>(float* a, int first, int last, int stride, int taps, float* panels, int columns, float* zeros, TSink sink) where TSink : struct, IRowSink
    {
        float* sums = stackalloc float[RowTile.Rows * Panel];
        var tiles = (last - first + RowTile.Rows - 1) / RowTile.Rows;
        float* packed = AlignedFloats.Grow(ref _scratch, (long)tiles * taps * TileStep).Pointer;
        PackTiles(a + first, last - first, stride, taps, packed);
        for (var column = 0; column < columns; column += Panel, panels += (long)taps * Panel)
            for (var tile = 0; tile < tiles; tile++)
            {
                var row = first + tile * RowTile.Rows;
                RowTile.SixAcross(packed + (long)tile * taps * TileStep, TileStep, panels, taps, zeros, sums);
                sink.Take(sums, row, Math.Min(RowTile.Rows, last - row), column, Panel);
            }
    }

    /// <summary>Columns of A, six at a time: [tile][K][8].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void PackTiles(float* a, int width, int stride, int taps, float* packed)
    {
        var (whole, tileLength) = (width / RowTile.Rows, (long)taps * TileStep);
        for (var k = 0; k < taps; k++, a += stride, packed += TileStep)
        {
            float* to = packed;
            for (var tile = 0; tile < whole; tile++, to += tileLength)
            {
                Vector128.Store(Vector128.Load(a + tile * RowTile.Rows), to);
                Vector64.Store(Vector64.Load(a + tile * RowTile.Rows + 4), to + 4);
            }
            for (var i = whole * RowTile.Rows; i < width; i++)
                to[i - whole * RowTile.Rows] = a[i];
        }
    }
}
