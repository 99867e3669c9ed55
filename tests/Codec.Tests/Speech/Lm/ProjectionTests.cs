using Codec.Core.Kernels;
using Codec.Speech.Lm;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Tests.Speech.Lm;

public sealed class ProjectionTests
{
    [Theory]
    [InlineData(1, 64, 7, true)]   // vectors, inputs, outputs, bias
    [InlineData(3, 37, 9, false)]
    [InlineData(4, 512, 130, true)]
    [InlineData(13, 53, 27, true)]
    public void The_own_kernel_equals_libtorch_and_does_not_depend_on_the_batch(int vectors, int inputs, int outputs, bool bias)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var (x, w) = (randn(vectors, inputs), randn(outputs, inputs));
        var b = bias ? randn(outputs) : null;
        Assert.SkipUnless(MatVec.Takes(x, w), "no 512-bit vectors here");
        var ours = MatVec.Run(x, w, b);
        RecordedModel.Close(F.linear(x, w, b), ours, 1e-3, "product");
        for (var v = 0; v < vectors; v++)
            Assert.Equal(ours[v].data<float>().ToArray(), MatVec.Run(x.narrow(0, v, 1), w, b).data<float>().ToArray());
    }

    [Theory]
    [InlineData(8, 0.004)]
    [InlineData(4, 0.075)]
    public void Block_weights_multiply_as_their_rounded_matrix_and_stay_close(int bits, double error)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var w = randn(33, 96);
        var blocks = BlockMatrix.Quantize(w.data<float>().ToArray(), 96, bits);
        var rounded = tensor(blocks.Dequantize(), 33, 96);
        Assert.True((w - rounded).norm().item<float>() < error * w.norm().item<float>() * 1.5, $"{(w - rounded).norm().item<float>() / w.norm().item<float>()}");
        var x = randn(2, 5, 96);
        RecordedModel.Close(F.linear(x, rounded), blocks.Multiply(x, null), 1e-3, "product");
        for (var v = 0; v < 5; v++)
            Assert.Equal(blocks.Multiply(x, null)[1][v].data<float>().ToArray(), blocks.Multiply(x[1][v], null).data<float>().ToArray());
        var again = BlockMatrix.FromStored(bits, 33, 96, blocks.Data.ToArray(), blocks.Scales.ToArray());
        Assert.Equal(blocks.Dequantize(), again.Dequantize());
    }

    [Fact]
    public void Zero_blocks_and_wrong_sizes()
    {
        Assert.All(BlockMatrix.Quantize(new float[64], 32, 4).Dequantize(), v => Assert.Equal(0, v));
        Assert.Throws<ArgumentException>(() => BlockMatrix.Quantize(new float[66], 33, 8));
        Assert.Throws<ArgumentException>(() => BlockMatrix.FromStored(8, 2, 32, new byte[63], new float[2]));
    }
}
