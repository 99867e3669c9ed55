using Codec.Core.Kernels;

namespace Codec.Tests.Core.Kernels;

public sealed unsafe class BFloatProductTests
{
    [Theory]
    [InlineData(1, 2, 64)]
    [InlineData(13, 33, 128)]
    [InlineData(6, 320, 64)]
    [InlineData(50, 65, 192)]
    public void Products_are_those_of_rounded_numbers(int rows, int taps, int columns)
    {
        Assert.SkipUnless(PairTile.Supports(PairNumbers.BFloat), "no AVX512-BF16 here, or no memory that may hold instructions");
        var random = new Random(4);
        float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() - 0.5))];
        float[] a_MK = Numbers(rows * taps), b_KN = Numbers(taps * columns), bias = Numbers(columns);
        float[] a_KM = Transposed(a_MK, rows, taps), b_NK = Transposed(b_KN, taps, columns), zeros = new float[64];
        using var panels = new AlignedFloats((long)(taps + 1) * columns);
        using var result = new AlignedFloats((long)rows * columns);
        var sink = new StoreSink(result.Pointer, columns);
        fixed (float* a = a_MK, across = a_KM, b = b_KN, transposed = b_NK, offset = bias, none = zeros)
        {
            MatrixProduct.Pack(b, taps, columns, panels.Pointer, reduced: true);
            MatrixProduct.Run(a, rows, taps, panels.Pointer, columns, offset, sink, reduced: true);
            Check(bias);
            MatrixProduct.PackTransposed(transposed, taps, columns, panels.Pointer, reduced: true);
            MatrixProduct.Run(a, rows, taps, panels.Pointer, columns, offset, sink, reduced: true);
            Check(bias);
            MatrixProduct.RunTransposed(across, rows, taps, panels.Pointer, columns, none, sink, reduced: true);
            Check(new float[columns]);
        }

        void Check(float[] begin)
        {
            for (var m = 0; m < rows; m++)
                for (var n = 0; n < columns; n++)
                {
                    double sum = begin[n];
                    for (var k = 0; k < taps; k++)
                        sum += (double)Rounded(a_MK[m * taps + k]) * Rounded(b_KN[k * columns + n]);
                    Assert.Equal(sum, result.Pointer[m * columns + n], 2e-6 * Math.Sqrt(taps));
                }
        }
    }

    private static float[] Transposed(float[] x, int rows, int columns)
        => [.. Enumerable.Range(0, x.Length).Select(i => x[i % rows * columns + i / rows])];

    /// <summary>To 8 bits of mantissa, ties to even.</summary>
    private static float Rounded(float x)
    {
        var unit = Math.ScaleB(1, Math.ILogB(x) - 7);
        return (float)(Math.Round(x / unit, MidpointRounding.ToEven) * unit);
    }
}
