using Codec.Training.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Training;

[NoTensorLeaks]
public sealed class MelLossTests
{
    [Theory]
    [InlineData(8000)]
    [InlineData(7777)]
    public void Its_gradient_is_the_slope_of_its_value(int samples)
    {
        using var generator = new Generator(2);
        using var loss = new MelLoss(16000, [128, 512, 2048], [10, 40, 160], CPU);
        using var scope = NewDisposeScope();
        var output = randn([2, samples], generator: generator).mul_(0.1).requires_grad_(true);
        var target = randn([2, samples], generator: generator).mul_(0.1);
        loss.Compute(output, target).backward();
        for (var i = 0; i < 3; i++)
        {
            using var mode = no_grad();
            var direction = randn([2, samples], generator: generator).mul_(0.1);
            var up = loss.Compute(output.detach() + direction * 1e-3f, target).item<float>();
            var down = loss.Compute(output.detach() - direction * 1e-3f, target).item<float>();
            var slope = (output.grad! * direction).sum().item<float>();
            Assert.Equal((up - down) / 2e-3, slope, Math.Max(2e-4, Math.Abs(slope) * 0.05));
        }
        output.grad!.Dispose();
    }

    [Fact]
    public void It_is_zero_for_equal_signals()
    {
        using var loss = new MelLoss(16000, [256], [20], CPU);
        using var audio = rand(1, 4000);
        using var value = loss.Compute(audio, audio);
        Assert.Equal(0, value.item<float>());
    }
}
