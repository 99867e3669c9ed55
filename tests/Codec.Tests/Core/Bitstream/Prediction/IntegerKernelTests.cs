using Codec.Core.Bitstream.Prediction;

namespace Codec.Tests.Core.Bitstream.Prediction;

public sealed class IntegerKernelTests
{
    [Theory]
    [InlineData(1, 2, 1, 16)]   // rows, columns, frames, rows of a block
    [InlineData(192, 64, 7, 192)]
    [InlineData(100, 31, 5, 9)]
    [InlineData(50, 130, 9, 16)]
    public void Every_instruction_set_gives_the_same_sums(int rows, int columns, int frames, int blockRows)
    {
        var random = new Random(rows);
        sbyte[] weights = [.. Enumerable.Range(0, rows * columns).Select(_ => (sbyte)random.Next(-128, 128))];
        var matrix = new PackedMatrix(weights, columns, blockRows);
        var even = (columns + 1) / 2 * 2;
        var stride = even / 4 * 2;              // frames overlap
        var x = new short[(frames - 1) * stride + even];
        foreach (ref var value in x.AsSpan())
            value = (short)random.Next(short.MinValue, short.MaxValue + 1);
        var first = even > 4 ? 2 : 0;
        for (var block = 0; block * blockRows < rows; block++)
        {
            var expected = Naive(weights, columns, x, first, frames, stride, block * blockRows, Math.Min(blockRows, rows - block * blockRows));
            foreach (var path in Enum.GetValues<KernelPath>().Where(IntegerKernels.IsSupported))
            {
                var sums = new int[frames * matrix.Sums];
                Array.Fill(sums, 3);
                matrix.MultiplyAdd(block, first, even - first, x.AsSpan(), frames, stride, sums, path);
                for (var t = 0; t < frames; t++)
                    Assert.Equal(expected[t], sums.AsSpan(t * matrix.Sums, expected[t].Length).ToArray());
            }
        }
    }

    [Fact]
    public void Sizes_that_do_not_fit_are_refused()
    {
        var matrix = new PackedMatrix(new sbyte[12], 4, 3);
        Assert.Throws<ArgumentOutOfRangeException>(() => matrix.MultiplyAdd(0, 1, 2, new short[4], 1, 0, new int[16]));
        Assert.Throws<ArgumentOutOfRangeException>(() => matrix.MultiplyAdd(0, 0, 6, new short[6], 1, 0, new int[16]));
        Assert.Throws<ArgumentOutOfRangeException>(() => matrix.MultiplyAdd(0, 0, 4, new short[4], 2, 4, new int[32]));
        Assert.Throws<ArgumentOutOfRangeException>(() => matrix.MultiplyAdd(0, 0, 4, new short[4], 1, 4, new int[15]));
    }

    /// <summary>3 + sum over c >= first of w[r, c] x[t * stride + c - first], modulo 2^32.</summary>
    private static int[][] Naive(sbyte[] weights, int columns, short[] x, int first, int frames, int stride, int firstRow, int rows)
        => [.. Enumerable.Range(0, frames).Select(t => Enumerable.Range(firstRow, rows).Select(r =>
            unchecked((int)(3 + Enumerable.Range(first, columns - first).Sum(c => (long)weights[r * columns + c] * x[t * stride + c - first])))).ToArray())];
}
