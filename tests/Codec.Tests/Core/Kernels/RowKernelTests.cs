using Codec.Audio.Dsp;
using Codec.Core.Kernels;

namespace Codec.Tests.Core.Kernels;

public sealed unsafe class RowKernelTests
{
    [Theory]
    [InlineData(5, 7, 1, true)]     // inputs, outputs, rows, weights exact in 16 bits
    [InlineData(40, 64, 1, true)]
    [InlineData(40, 64, 2, true)]
    [InlineData(33, 150, 13, true)]
    [InlineData(33, 150, 2, true)]
    [InlineData(33, 150, 13, false)]
    [InlineData(64, 320, 100, false)]
    public void A_linear_row_is_one_chain_of_fused_multiply_adds(int inputs, int outputs, int rows, bool half)
    {
        var random = new Random(3);
        float Value(bool exact) => exact ? (float)(Half)(random.NextDouble() - 0.5) : (float)(random.NextDouble() - 0.5);
        var weight = Enumerable.Range(0, inputs * outputs).Select(_ => Value(half)).ToArray();
        var bias = Enumerable.Range(0, outputs).Select(_ => Value(false)).ToArray();
        using var x = new AlignedFloats(rows * inputs);
        for (var i = 0; i < rows * inputs; i++)
            x.Pointer[i] = Value(false);
        using var memory = new WeightMemory();
        using var linear = new RowLinear(weight, bias, inputs, memory);
        using var y = new AlignedFloats(rows * linear.Padded);
        linear.Run(x.Pointer, inputs, rows, new StoreSink(y.Pointer, linear.Padded));
        for (var row = 0; row < rows; row++)
            for (var o = 0; o < linear.Padded; o++)
            {
                var expected = o < outputs ? bias[o] : 0;
                for (var i = 0; i < inputs && o < outputs; i++)
                    expected = MathF.FusedMultiplyAdd(x.Pointer[row * inputs + i], weight[o * inputs + i], expected);
                Assert.Equal(expected, y.Pointer[row * linear.Padded + o]);
            }
    }

    [Theory]
    [InlineData(1e30f)]     // too large for the short cut of few rows
    [InlineData(1e-40f)]    // subnormal
    public void Few_rows_of_extreme_numbers_have_the_bits_of_many(float size)
    {
        const int inputs = 20, outputs = 64, rows = 6;
        var random = new Random(5);
        var weight = Enumerable.Range(0, inputs * outputs).Select(_ => (float)(Half)(random.NextDouble() - 0.5)).ToArray();
        using var memory = new WeightMemory();
        using var linear = new RowLinear(weight, [], inputs, memory);
        using var x = new AlignedFloats(rows * inputs);
        using var together = new AlignedFloats(rows * outputs);
        using var alone = new AlignedFloats(rows * outputs);
        for (var i = 0; i < rows * inputs; i++)
            x.Pointer[i] = (float)(random.NextDouble() - 0.5) * size;
        linear.Run(x.Pointer, inputs, rows, new StoreSink(together.Pointer, outputs));
        for (var row = 0; row < rows; row++)
            linear.Run(x.Pointer + row * inputs, inputs, 1, new StoreSink(alone.Pointer + row * outputs, outputs));
        Assert.Equal(new Span<float>(together.Pointer, rows * outputs).ToArray(), new Span<float>(alone.Pointer, rows * outputs).ToArray());
        Assert.Contains(new Span<float>(alone.Pointer, rows * outputs).ToArray(), value => value != 0);
    }

    [Fact]
    public void Every_half_below_64_survives_packing()
    {
        var halves = Enumerable.Range(0, 1 << 16).Select(i => (ushort)i).Where(i => Math.Abs((float)BitConverter.UInt16BitsToHalf(i)) < 64).ToArray();
        var values = HalfWeights.ToSingle(halves);
        Assert.Equal(halves.Select(h => (float)BitConverter.UInt16BitsToHalf(h)), values);
        var packed = new ushort[halves.Length / 32 * 32];
        Assert.True(HalfWeights.TryPack(values.AsSpan(0, packed.Length), packed));
        var placed = new ushort[packed.Length];
        for (var i = 0; i < packed.Length; i++)
            placed[HalfWeights.Place(i)] = packed[i];
        using var widened = new AlignedFloats(packed.Length);
        fixed (ushort* p = placed)
            HalfWeights.Widen(p, packed.Length, widened.Pointer);
        Assert.Equal(values[..packed.Length], new Span<float>(widened.Pointer, packed.Length).ToArray());
    }

    [Theory]
    [InlineData(64f)]
    [InlineData(1.0001f)]
    [InlineData(float.NaN)]
    [InlineData(1e-9f)]
    public void What_sixteen_bits_cannot_hold_is_not_packed(float value) => Assert.False(HalfWeights.TryPack([1, value], new ushort[2]));

    [Theory]
    [InlineData(640, 16)]
    [InlineData(640, 2)]
    [InlineData(2, 1)]
    [InlineData(6, 3)]
    [InlineData(42, 5)]
    [InlineData(128, 7)]
    public void Magnitudes_and_windows_are_those_of_the_double_transform(int length, int count)
    {
        var random = new Random(length);
        using var x = new AlignedFloats(count * length);
        using var shape = new AlignedFloats(length);
        for (var i = 0; i < count * length; i++)
            x.Pointer[i] = (float)(random.NextDouble() - 0.5);
        new Span<float>(shape.Pointer, length).Fill(1);
        using var spectrum = new LaneSpectrum(length);
        using var magnitudes = new AlignedFloats(count * (length / 2 + 1));
        spectrum.Magnitudes(x.Pointer, length, count, shape.Pointer, magnitudes.Pointer);
        using var re = new AlignedFloats((length / 2 + 1) * 16);
        using var im = new AlignedFloats((length / 2 + 1) * 16);
        for (var lane = 0; lane < count; lane++)
        {
            var (a, b) = (new Span<float>(x.Pointer + lane * length, length).ToArray().Select(v => (double)v).ToArray(), new double[length]);
            Fft.Of(length).Forward(a, b);
            for (var k = 0; k <= length / 2; k++)
            {
                Assert.Equal(Math.Sqrt(a[k] * a[k] + b[k] * b[k]), magnitudes.Pointer[lane * (length / 2 + 1) + k], 2e-5);
                (re.Pointer[k * 16 + lane], im.Pointer[k * 16 + lane]) = ((float)a[k], (float)b[k]);
            }
        }
        using var windows = new AlignedFloats(count * length);
        spectrum.Windows(re.Pointer, im.Pointer, shape.Pointer, windows.Pointer, count);
        for (var i = 0; i < count * length; i++)
            Assert.Equal(x.Pointer[i], windows.Pointer[i], 2e-6);
    }

    [Fact]
    public void Elementary_functions_are_exact_to_single_precision()
    {
        for (var i = -4000; i <= 4000; i++)
        {
            var x = i * 0.01f;
            var (sin, cos) = VectorMath.SinCos(System.Runtime.Intrinsics.Vector512.Create(100 * x));
            Assert.Equal(Math.Sin((double)(100 * x)), sin[3], 2e-7);
            Assert.Equal(Math.Cos((double)(100 * x)), cos[3], 2e-7);
            var erf = i < -800 ? -1 : i > 800 ? 1 : Erf(x / Math.Sqrt(2));
            Assert.Equal(0.5 * x * (1 + erf), VectorMath.Gelu(System.Runtime.Intrinsics.Vector512.Create(x))[5], Math.Max(5e-7, 2e-7 * Math.Abs(x)));
            var y = MathF.Exp(x);
            Assert.Equal(Math.Log((double)y), VectorMath.Log(System.Runtime.Intrinsics.Vector512.Create(y))[0], Math.Max(2e-7, 2e-7 * Math.Abs(x)));
        }
    }

    /// <summary>By its series (Abramowitz and Stegun 7.1.6).</summary>
    private static double Erf(double x)
    {
        double term = x, sum = x;
        for (var n = 1; n < 400; n++)
            sum += term *= 2 * x * x / (2 * n + 1);
        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }
}
