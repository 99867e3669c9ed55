using Codec.Core.Kernels;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Tests.Core.Kernels;

public sealed class DenseConvTests
{
    [Theory, NoTensorLeaks]
    [InlineData(1, 32, 7, 1, 1, 100)]   // inputs, outputs, kernel, stride, dilation, frames
    [InlineData(32, 1, 7, 1, 1, 50)]
    [InlineData(32, 64, 4, 2, 1, 61)]
    [InlineData(5, 19, 3, 1, 2, 23)]
    [InlineData(48, 96, 16, 8, 1, 16)]
    [InlineData(17, 33, 1, 1, 1, 9)]
    [InlineData(3, 70, 5, 3, 3, 40)]
    [InlineData(64, 64, 3, 1, 1, 250)]  // long enough for minimal filtering
    [InlineData(48, 80, 3, 1, 4, 301)]
    [InlineData(32, 64, 4, 2, 1, 333)]
    [InlineData(32, 48, 10, 5, 1, 777)]
    [InlineData(64, 48, 2, 1, 3, 190)]
    [InlineData(96, 96, 7, 1, 1, 1000)]
    [InlineData(64, 64, 7, 1, 9, 1001)]
    [InlineData(48, 160, 7, 1, 3, 499)]
    public void Equals_the_convolution_of_libtorch(int inputs, int outputs, int kernel, int stride, int dilation, int frames)
    {
        using var scope = NewDisposeScope();
        using var generator = manual_seed(1);
        Tensor x = randn(2, inputs, frames), weight = randn(outputs, inputs, kernel) / Math.Sqrt(inputs * kernel), bias = randn(outputs);
        using var packed = FrameConv.Of(weight, bias, stride, dilation);
        // In double precision: libtorch's own float32 sums differ by as much from processor to processor.
        var expected = F.conv1d(x.to(float64), weight.to(float64), bias.to(float64), stride, dilation: dilation).to(float32);
        var actual = packed.Run(x.transpose(1, 2).contiguous());
        Tensors.Close(expected, actual.transpose(1, 2), 1e-5);
        var add = randn_like(actual);
        Tensors.Close(F.elu(actual + add, 1), packed.Run(x.transpose(1, 2).contiguous(), add, elu: true), 1e-5);
    }

    [Theory, NoTensorLeaks]
    [InlineData(64, 32, 16, 8, 7)]   // inputs, outputs, kernel, stride, frames
    [InlineData(6, 3, 4, 2, 10)]
    [InlineData(5, 7, 9, 4, 6)]
    [InlineData(8, 8, 3, 3, 4)]
    [InlineData(64, 32, 16, 8, 70)]
    [InlineData(80, 48, 9, 5, 31)]
    public void Transposed_equals_that_of_libtorch(int inputs, int outputs, int kernel, int stride, int frames)
    {
        using var scope = NewDisposeScope();
        using var generator = manual_seed(2);
        Tensor x = randn(2, inputs, frames), weight = randn(inputs, outputs, kernel) / Math.Sqrt(2 * inputs), bias = randn(outputs);
        using var packed = FrameConv.OfTransposed(weight, bias, stride);
        var taps = (kernel + stride - 1) / stride;
        var padded = F.pad(x, [taps - 1, taps - 1]).transpose(1, 2).contiguous();
        var expected = F.conv_transpose1d(x, weight, bias, stride);
        Tensors.Close(expected, packed.Run(padded).transpose(1, 2).narrow(2, 0, expected.shape[2]), 2e-5);
    }

    [Theory, NoTensorLeaks]
    [InlineData(64, 64, 7, 1, 9, 27, 150)]  // inputs, outputs, kernel, stride, dilation, padding, frames
    [InlineData(96, 96, 7, 1, 1, 3, 301)]
    [InlineData(64, 48, 3, 1, 2, 2, 90)]
    [InlineData(32, 64, 10, 5, 1, 3, 402)]
    public void Padding_equals_that_of_libtorch(int inputs, int outputs, int kernel, int stride, int dilation, int padding, int frames)
    {
        using var scope = NewDisposeScope();
        using var generator = manual_seed(5);
        Tensor x = randn(2, inputs, frames), weight = randn(outputs, inputs, kernel) / Math.Sqrt(inputs * kernel), bias = randn(outputs);
        using var packed = FrameConv.Of(weight, bias, stride, dilation);
        Tensors.Close(F.conv1d(x, weight, bias, stride, padding, dilation), packed.RunPadded(x.transpose(1, 2).contiguous(), padding).transpose(1, 2), 2e-5);
    }

    [Theory, NoTensorLeaks]
    [InlineData(24, 37, 3, 1, 31)]  // inputs, outputs, kernel, stride, frames
    [InlineData(512, 66, 1, 1, 25)]
    [InlineData(10, 9, 4, 2, 18)]
    [InlineData(400, 150, 4, 2, 28)]
    [InlineData(24, 37, 3, 1, 90)]
    [InlineData(402, 151, 2, 1, 600)]
    public void Scalar_products_with_weights_in_place_equal_the_convolution_of_libtorch(int inputs, int outputs, int kernel, int stride, int frames)
    {
        using var scope = NewDisposeScope();
        using var generator = manual_seed(7);
        Tensor x = randn(2, inputs, frames), bias = randn(outputs), scale = randn(outputs);
        var weight = (randn(outputs, kernel, inputs) / Math.Sqrt(inputs * kernel)).transpose(1, 2);
        using var dot = new DotConv(new ConvShape(inputs, kernel, outputs, stride), () => weight, () => bias, () => scale);
        var expected = F.conv1d(x, weight, null, stride) * scale.unsqueeze(1) + bias.unsqueeze(1);
        var x_BTC = x.transpose(1, 2).contiguous();
        var actual = dot.Run(x_BTC);
        var steps = actual.shape[1];
        Tensors.Close(expected, actual.transpose(1, 2), 3e-5);
        var add = randn_like(actual);
        Tensors.Close(F.elu(actual + add, 1), dot.Run(x_BTC, add, elu: true), 3e-5);
        Tensors.Close(actual.narrow(1, 3, 2), dot.Run(x_BTC.narrow(1, 3 * stride, stride + kernel).contiguous()), steps < 48 ? 0 : 3e-5); // few rows and many are summed in another order
    }

    [Fact, NoTensorLeaks]
    public void Threads_make_no_difference_to_minimal_filtering()
    {
        using var scope = NewDisposeScope();
        using var generator = manual_seed(6);
        using var packed = FrameConv.Of(randn(96, 96, 7), randn(96), dilation: 3);
        var x = randn(1, 2001, 96);
        ThreadsMakeNoDifference(() => packed.Run(x));
    }

    [Fact, NoTensorLeaks]
    public void Threads_make_no_difference_to_weights_in_place()
    {
        using var scope = NewDisposeScope();
        using var generator = manual_seed(8);
        Tensor weight = randn(400, 2, 96).transpose(1, 2), bias = randn(400), x = randn(1, 131, 96);
        using var dot = new DotConv(new ConvShape(96, 2, 400), () => weight, () => bias);
        ThreadsMakeNoDifference(() => dot.Run(x, elu: true));
    }

    [Fact, NoTensorLeaks]
    public void Threads_make_no_difference_to_the_lstm()
    {
        using var scope = NewDisposeScope();
        using var generator = manual_seed(9);
        using var packed = new LstmKernel(randn(4 * 200, 30) / 5, randn(4 * 200, 200) / 15, randn(4 * 200));
        var x = randn(3, 40, 30);
        ThreadsMakeNoDifference(() =>
        {
            var state = new float[2 * 3 * 200];
            return cat([packed.Run(x, state).flatten(), tensor(state)]);
        });
    }

    private static void ThreadsMakeNoDifference(Func<Tensor> run)
    {
        var threads = get_num_threads();
        set_num_threads(1);
        var alone = run();
        set_num_threads(3);
        var together = run();
        set_num_threads(threads);
        Tensors.Equal(alone, together);
    }

    [Fact, NoTensorLeaks]
    public void A_row_has_the_same_bits_whatever_was_computed_with_it()
    {
        using var scope = NewDisposeScope();
        using var generator = manual_seed(3);
        using var packed = FrameConv.Of(randn(67, 24, 3), randn(67));
        var x = randn(3, 41, 24);
        var whole = packed.Run(x, elu: true);
        for (var t = 0; t < 39; t += 5)
            for (var length = 1; length <= Math.Min(9, 39 - t); length += 4)
                Tensors.Equal(whole.narrow(1, t, length), packed.Run(x.narrow(1, t, length + 2).contiguous(), elu: true));
        Tensors.Equal(whole[1].unsqueeze(0), packed.Run(x[1].unsqueeze(0), elu: true));
    }

    [Theory, NoTensorLeaks]
    [InlineData(16, 2)]
    [InlineData(24, 1)]
    public void The_lstm_equals_that_of_libtorch(int hidden, int layers)
    {
        using var random = manual_seed(4);
        using var lstm = nn.LSTM(hidden, hidden, layers);
        using var scope = NewDisposeScope();
        using var none = no_grad();
        var weights = lstm.state_dict();
        var x = randn(2, 9, hidden);
        var y = x;
        for (var layer = 0; layer < layers; layer++)
        {
            using var packed = new LstmKernel(weights[$"weight_ih_l{layer}"], weights[$"weight_hh_l{layer}"], weights[$"bias_ih_l{layer}"] + weights[$"bias_hh_l{layer}"]);
            var state = new float[2 * 2 * hidden];
            y = cat([packed.Run(y.narrow(1, 0, 4).contiguous(), state), packed.Run(y.narrow(1, 4, 5).contiguous(), state)], 1);
        }
        var (expected, _, _) = lstm.call(x.transpose(0, 1));
        Tensors.Close(expected.transpose(0, 1), y, 2e-6);
    }

    [Fact, NoTensorLeaks]
    public void Elu_equals_that_of_libtorch()
    {
        using var scope = NewDisposeScope();
        var x = linspace(-100, 20, 4001).reshape(1, 4001, 1);
        var y = empty_like(x);
        new FrameMemory(x).CopyTo(new FrameMemory(y), 0, elu: true);
        Tensors.Close(F.elu(x, 1), y, 2e-7);
    }
}
