using Codec.Core.Kernels;
using static TorchSharp.torch;

namespace Codec.Tests.Core.Kernels;

/// <summary>Products of 16-bit numbers: machine code, rounding, sums that must fit 32 bits.</summary>
public sealed unsafe class PairConvTests
{
    private const string Missing = "no AVX512-VNNI and AVX512-BF16 here, or no memory that may hold instructions";

    private static bool IsSupported => PairTile.Supports(PairNumbers.BFloat) && PairTile.Supports(PairNumbers.Integer);

    /// <summary>What objdump of binutils 2.40 reads in these bytes.</summary>
    [Fact]
    public void Loops_are_the_instructions_that_an_assembler_writes()
    {
        string Code(PairNumbers numbers, int columns) => Convert.ToHexString(PairTile.Assemble(numbers, columns));
        var wide = Code(PairNumbers.Integer, 64);
        Assert.StartsWith("4C8B4700" + "488B7708" + "488B4710" + "488B5718" + "488B4F20", wide); // mov r8, [rdi]; rsi, [rdi+8]; rax, rdx, rcx
        Assert.Contains("4D8D0C70" + "4901F1" + "62F17D48EFC0", wide);  // lea r9, [r8+rsi*2]; add r9, rsi; vpxord zmm0, zmm0, zmm0
        Assert.Contains("62921D4052C0" + "62921D4052C9", wide);         // vpdpwssd zmm0, zmm28, zmm24; zmm1, zmm28, zmm25
        Assert.Contains("48FFC9", wide);                                // dec rcx
        Assert.Contains("62F17C485BC0" + "62917C4859C0" + "62D21D40A84000" + "62D17C48114100", wide); // vcvtdq2ps zmm0, zmm0; vmulps zmm0, zmm0, zmm24; vfmadd213ps zmm0, zmm28, [r8]; vmovups [r9], zmm0
        Assert.EndsWith("62C17C48117C5103" + "C5F877" + "C3", wide);    // vmovups [r9+rdx*2+192], zmm23; vzeroupper; ret
        var middle = Code(PairNumbers.BFloat, 32);
        Assert.Contains("4D8D1471" + "4901F2" + "4D8D1C72" + "4901F3", middle); // lea r10, [r9+rsi*2]; add r10, rsi; r11 likewise
        Assert.Contains("62922E4052C0", middle);                        // vdpbf16ps zmm0, zmm26, zmm24
        Assert.Contains("62D17C48584000", middle);                      // vaddps zmm0, zmm0, [r8]
        var single = Convert.ToHexString(PairTile.AssembleSingle());
        Assert.Contains("62427D48187000" + "62F20D40524200" + "62F20D40524A01", single); // vbroadcastss zmm30, [r8]; vpdpwssd zmm0, zmm30, [rdx]; zmm1, zmm30, [rdx+64]
        Assert.Contains("62F17D48FEC4", single);                        // vpaddd zmm0, zmm0, zmm4
    }

    [Theory]
    [InlineData(32, 3, 16, 1, 1)]   // bfloat16, 16 columns
    [InlineData(64, 4, 32, 2, 1)]   // whole numbers, strides side by side
    [InlineData(128, 7, 80, 1, 3)]
    [InlineData(700, 1, 200, 1, 1)] // three factors a row, a panel of 64 that is not full
    [InlineData(30, 5, 7, 1, 2)]
    public void Results_are_near_those_of_float32(int inputs, int taps, int columns, int stride, int dilation)
    {
        Assert.SkipUnless(IsSupported, Missing);
        using var scope = NewDisposeScope();
        using var generator = manual_seed(5);
        var shape = new ConvShape(inputs, taps, columns, stride, dilation);
        Tensor weight = randn(taps, inputs, columns), bias = randn(columns), x = randn(2, 49 * stride + shape.Reach, inputs), add = randn(2, 50, columns);
        x[1] *= 1e-3; // rows of every level are as precise
        using FrameConv exact = new DenseConv(shape, weight, null), pairs = new PairConv(shape, weight, null);
        Tensor expected = exact.Run(x), actual = pairs.Run(x);
        foreach (var item in new[] { 0, 1 })
        {
            var noise = ((actual[item] - expected[item]).norm() / expected[item].norm()).item<float>();
            Assert.InRange(noise, 1e-6, inputs * stride >= 96 ? 6e-4 : 5e-3);
        }
        using FrameConv exactWhole = new DenseConv(shape, weight, bias), whole = new PairConv(shape, weight, bias);
        Assert.True((exactWhole.Run(x, add, elu: true) - whole.Run(x, add, elu: true)).abs().max().item<float>() < 0.02 * Math.Sqrt(taps * inputs));
        // A row has the same bits alone and among others.
        Assert.Equal(actual[1, 37], pairs.Run(x[1].narrow(0, 37 * stride, shape.Reach).unsqueeze(0).contiguous())[0, 0]);
    }

    /// <summary>All products as large as they can be, with the same sign: what sums of 32 bits must bear.</summary>
    [Theory]
    [InlineData(256)]
    [InlineData(250)]
    [InlineData(96)]
    public void No_sum_overflows(int inputs)
    {
        Assert.SkipUnless(IsSupported, Missing);
        using var scope = NewDisposeScope();
        Tensor weight = ones(1, inputs, 64) * 3, x = full(1, 20, inputs, -2f);
        weight[0, 1] = 3.0003f; // rounded up
        using var pairs = new PairConv(new ConvShape(inputs, 1, 64), weight, null);
        Assert.True((pairs.Run(x) / (-6.0 * inputs) - 1).abs().max().item<float>() < 1e-3);
        using var memory = new WeightMemory();
        var linear = new PairLinear(weight[0].t().contiguous().data<float>().ToArray(), inputs, memory);
        using AlignedFloats row = new(inputs), sums = new(64);
        new Span<float>(row.Pointer, inputs).Fill(2);
        linear.Run(row.Pointer, inputs, 1, new StoreSink(sums.Pointer, 64), 0, 1, backwards: false);
        Assert.Equal(6f * inputs, sums.Pointer[63], 1e-3f * 6 * inputs);
    }

    [Fact]
    public void Silence_is_silence_and_threads_change_nothing()
    {
        Assert.SkipUnless(IsSupported, Missing);
        using var scope = NewDisposeScope();
        using var generator = manual_seed(6);
        var threads = get_num_threads();
        try
        {
            foreach (var (inputs, columns) in new[] { (96, 96), (1024, 1600) }) // rows are shared out, or columns
            {
                using var pairs = new PairConv(new ConvShape(inputs, 1, columns), randn(1, inputs, columns), null);
                Assert.Equal(0, pairs.Run(zeros(1, 9, inputs)).abs().max().item<float>());
                var x = randn(1, 700, inputs);
                set_num_threads(1);
                var alone = pairs.Run(x);
                set_num_threads(2);
                Assert.Equal(alone, pairs.Run(x));
            }
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    [Fact]
    public void Minimal_filtering_and_an_lstm_are_near_float32()
    {
        Assert.SkipUnless(IsSupported, Missing);
        using var scope = NewDisposeScope();
        using var generator = manual_seed(7);
        foreach (var shape in new[] { new ConvShape(96, 7, 96, Dilation: 3), new ConvShape(64, 8, 128, Stride: 4), new ConvShape(128, 3, 64) })
        {
            Tensor weight = randn(shape.Taps, shape.Inputs, shape.Columns), x = randn(1, 300 * shape.Stride + shape.Reach, shape.Inputs);
            using FrameConv exact = new WinogradConv(shape, weight, null), reduced = new WinogradConv(shape, weight, null, reduced: true);
            var expected = exact.Run(x);
            Assert.InRange(((reduced.Run(x) - expected).norm() / expected.norm()).item<float>(), 1e-5, 2e-3);
        }
        Tensor input = randn(4 * 72, 30) / 5, recurrent = randn(4 * 72, 72) / 9, bias = randn(4 * 72), frames = randn(2, 40, 30);
        using LstmKernel lstm = new(input, recurrent, bias), half = new(input, recurrent, bias, reduced: true);
        float[] state = new float[2 * 2 * 72], other = new float[2 * 2 * 72];
        Assert.InRange((lstm.Run(frames, state) - half.Run(frames, other)).abs().max().item<float>(), 1e-6, 0.02);
        Assert.All(state.Zip(other), pair => Assert.Equal(pair.First, pair.Second, 0.03));
    }
}
