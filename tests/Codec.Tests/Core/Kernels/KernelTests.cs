using Codec.Core.Kernels;
using Codec.Core.Layers;
using Codec.Core.Quantizers;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Tests.Core.Kernels;

public sealed class KernelTests
{
    [Theory, NoTensorLeaks]
    [InlineData(1, 100)]
    [InlineData(3, 37)]
    [InlineData(16, 5)]
    [InlineData(24, 1001)]
    [InlineData(96, 4000)]
    public void Fused_snake_equals_the_formula(int channels, int length)
    {
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        manual_seed(1);
        var x = randn(2, channels, length) * 3;
        var alpha = rand(1, channels, 1) * 20 + 0.01;
        var exact = x.to(float64) + (alpha.to(float64) * x.to(float64)).sin().square() / (alpha.to(float64) + 1e-9);
        var plain = x + (alpha * x).sin().square() / (alpha + 1e-9);
        var fused = SnakeKernel.Run(x, alpha);
        // No worse than five float32 operators, apart from the last bits; 1 / alpha scales the error of sin^2.
        var allowed = Tensors.MaxDifference(exact, plain) + 1e-6 * (1 / alpha.min().item<float>() + 1);
        Tensors.Close(exact, fused, allowed);
        var inPlace = SnakeKernel.RunInPlace(ChannelsLast.Of(x.clone()), alpha);
        Tensors.Equal(fused, inPlace);
    }

    [Theory]
    [InlineData(1e-3f)]
    [InlineData(1f)]
    [InlineData(100f)]
    [InlineData(3000f)]
    public void Sine_squared_is_accurate_to_float32(float scale)
    {
        using var scope = NewDisposeScope();
        using var inference = inference_mode();
        var x = (linspace(-1, 1, 200_001) * scale).view(1, 1, -1);
        var sine = SnakeKernel.Run(x, ones(1, 1, 1)).to(float64) - x.to(float64);
        // The sum x + sin^2 itself rounds at |x| * 2^-24.
        Tensors.Close(x.to(float64).sin().square(), sine, 2e-7 + scale * 6.1e-8);
    }

    [Theory]
    [InlineData(1, 16, 7, 1, 3, 1, 50)]   // input, output, kernel, dilation, padding, groups, length
    [InlineData(1, 20, 7, 1, 3, 1, 50)]
    [InlineData(12, 12, 7, 9, 27, 12, 200)]
    [InlineData(12, 12, 7, 9, 27, 12, 20)] // shorter than the reach of the kernel
    [InlineData(32, 32, 7, 3, 9, 32, 300)]
    [InlineData(5, 5, 7, 1, 0, 5, 31)]
    [InlineData(8, 24, 7, 3, 9, 1, 64)]
    [InlineData(8, 1, 7, 1, 3, 1, 64)]
    public void Packed_convolution_equals_the_plain_one(int input, int output, int kernel, int dilation, int padding, int groups, int length)
    {
        manual_seed(2);
        using var conv = new PackedConv1d(input, output, kernel, 1, padding, dilation, groups);
        using var scope = NewDisposeScope();
        var x = randn(2, input, length);
        var plain = conv.forward(x); // gradients are on: the ordinary operator
        using var inference = inference_mode();
        Tensors.Close(plain, conv.forward(x), 1e-5);
        Tensors.Close(plain, conv.forward(ChannelsLast.Of(x)), 1e-5);
    }

    [Theory]
    [InlineData(8, 4, 4)]
    [InlineData(6, 3, 5)]
    public void Packed_transposed_convolution_equals_the_plain_one(int input, int output, int stride)
    {
        manual_seed(3);
        using var conv = new PackedConvTranspose1d(input, output, 2 * stride, stride, (stride + 1) / 2, stride % 2);
        using var scope = NewDisposeScope();
        var x = randn(2, input, 17);
        var plain = conv.forward(x);
        using var inference = inference_mode();
        Tensors.Close(plain, conv.forward(x), 1e-5);
    }

    [Theory, NoTensorLeaks]
    [InlineData(1024, 8, 300)]
    [InlineData(100, 3, 7)]
    [InlineData(17, 128, 1)]
    public void Nearest_codes_equal_an_exhaustive_search_in_double(int size, int dimension, int count)
    {
        using var scope = NewDisposeScope();
        manual_seed(4);
        var codebook = randn(size, dimension);
        var x = randn(count, dimension);
        var distances = (x.to(float64).unsqueeze(1) - codebook.to(float64)).square().sum(-1);
        Tensors.Equal(distances.argmin(1), CodebookIndex.Of(codebook).Nearest(x));
    }

    [Fact, NoTensorLeaks]
    public void Ties_go_to_the_lowest_index_and_batches_change_nothing()
    {
        using var scope = NewDisposeScope();
        manual_seed(5);
        var entry = randn(1, 16);
        var codebook = cat([randn(40, 16) * 10, entry, randn(30, 16) * 10, entry, entry], 0);
        var index = CodebookIndex.Of(codebook);
        Assert.Equal(40, index.Nearest(entry).item<long>());

        var dense = CodebookIndex.Of(randn(2048, 64));
        var x = randn(700, 64) * 1e-3; // near the origin: many close calls
        var together = dense.Nearest(x);
        for (var i = 0; i < 700; i += 13)
            Assert.Equal(together[i].item<long>(), dense.Nearest(x.narrow(0, i, 1)).item<long>());
    }

    [Fact]
    public void Infinite_input_still_gives_a_code_in_range()
    {
        using var scope = NewDisposeScope();
        var index = CodebookIndex.Of(randn(10, 4));
        var codes = index.Nearest(tensor(new[] { float.NaN, 0, 0, 0, float.PositiveInfinity, 1, 2, 3 }).view(2, 4));
        Assert.All(codes.data<long>().ToArray(), c => Assert.InRange(c, 0, 9));
    }
}
