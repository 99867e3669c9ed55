using Codec.Core.Kernels;

namespace Codec.Tests.Core.Kernels;

public sealed unsafe class BFloatProductTests
{
    /// <summary>The bytes that binutils 2.40 writes for them, but that an offset of 0 stands in a byte of its own here.</summary>
    [Fact]
    public void The_loop_is_the_instructions_that_an_assembler_writes()
    {
        var code = Convert.ToHexString(BFloatTile.Assemble());
        Assert.StartsWith("488B442408" + "4C8D1477" + "4901F2", code); // mov rax, [rsp+8]; lea r10, [rdi+rsi*2]; add r10, rsi
        Assert.Contains("62D17C48104000" + "62D17C48104801", code);     // vmovups zmm0, [r8]; vmovups zmm1, [r8+64]
        Assert.Contains("62617C48105202", code);                        // vmovups zmm26, [rdx+128]
        Assert.Contains("62627D48186700" + "62921E4052C0", code);       // vbroadcastss zmm28, [rdi]; vdpbf16ps zmm0, zmm28, zmm24
        Assert.Contains("62627D48186C3700", code);                      // vbroadcastss zmm29, [rdi+rsi]
        Assert.Contains("62427D48186C7200", code);                      // vbroadcastss zmm29, [r10+rsi*2]
        Assert.Contains("4881C200010000" + "4801C7" + "4901C2" + "48FFC9", code); // add rdx, 256; add rdi, rax; add r10, rax; dec rcx
        Assert.EndsWith("62C17C48117917" + "C5F877" + "C3", code);      // vmovups [r9+1472], zmm23; vzeroupper; ret
    }

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
