using Codec.Core.Kernels;

namespace Codec.Tests.Core.Kernels;

/// <summary>The tiles of processors without 512-bit vectors, on any processor.</summary>
public sealed unsafe class HalfTileTests
{
    private const int Segments = 3, Length = 11, SegmentStep = 40, Step = 150, Taps = Segments * Length;

    [Theory]
    [InlineData(16, 6, 6)]  // columns, height of the tile, rows that are there
    [InlineData(64, 6, 4)]
    [InlineData(16, 8, 8)]
    [InlineData(32, 8, 5)]
    public void Sums_are_chains_of_fused_multiply_adds(int width, int height, int rows)
    {
        using AlignedFloats x = Random(height * Step, 1), weights = Random(Taps * width, 2), start = Random(width, 3), sums = new(height * width);
        var source = new DenseTile.Source(x.Pointer, Step, rows, Segments, Length, SegmentStep);
        var target = new DenseTile.Target(start.Pointer, 0, sums.Pointer, width);
        if (height == 6)
            HalfTile.Six(source, weights.Pointer, width, target);
        else
            HalfTile.Eight(source, weights.Pointer, width, target);
        for (var row = 0; row < height; row++)
            for (var column = 0; column < width; column++)
            {
                var expected = start.Pointer[column];
                for (var tap = 0; tap < Taps; tap++)
                    expected = MathF.FusedMultiplyAdd(x.Pointer[Math.Min(row, rows - 1) * Step + tap / Length * SegmentStep + tap % Length], weights.Pointer[tap * width + column], expected);
                Assert.Equal(expected, sums.Pointer[row * width + column]);
            }
    }

    [Fact]
    public void Inputs_may_lie_side_by_side()
    {
        const int step = 8;
        using AlignedFloats x = Random(Taps * step, 4), weights = Random(Taps * RowTile.Wide, 5), start = Random(RowTile.Wide, 6), sums = new(6 * RowTile.Wide);
        HalfTile.SixAcross(x.Pointer, step, weights.Pointer, RowTile.Wide, Taps, start.Pointer, sums.Pointer);
        for (var row = 0; row < 6; row++)
            for (var column = 0; column < RowTile.Wide; column++)
            {
                var expected = start.Pointer[column];
                for (var tap = 0; tap < Taps; tap++)
                    expected = MathF.FusedMultiplyAdd(x.Pointer[tap * step + row], weights.Pointer[tap * RowTile.Wide + column], expected);
                Assert.Equal(expected, sums.Pointer[row * RowTile.Wide + column]);
            }
    }

    [Fact]
    public void Scalar_products_keep_sixteen_sums_apart()
    {
        const int length = 80, step = 96;
        using AlignedFloats x = Random(3 * step, 7), weights = Random(2 * length, 8), lanes = new(3 * 2 * HalfTile.Columns);
        HalfTile.Dots(x.Pointer, step, weights.Pointer, weights.Pointer + length, length, lanes.Pointer);
        for (var row = 0; row < 3; row++)
            for (var output = 0; output < 2; output++)
                for (var lane = 0; lane < HalfTile.Columns; lane++)
                {
                    var expected = 0f;
                    for (var i = lane; i < length; i += HalfTile.Columns)
                        expected = MathF.FusedMultiplyAdd(x.Pointer[row * step + i], weights.Pointer[output * length + i], expected);
                    Assert.Equal(expected, lanes.Pointer[(row * 2 + output) * HalfTile.Columns + lane]);
                }
    }

    private static AlignedFloats Random(int count, int seed)
    {
        var (random, floats) = (new Random(seed), new AlignedFloats(count));
        for (var i = 0; i < count; i++)
            floats.Pointer[i] = (float)(random.NextDouble() - 0.5);
        return floats;
    }
}
