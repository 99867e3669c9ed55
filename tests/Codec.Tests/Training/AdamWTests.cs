using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using AdamW = Codec.Training.Optimization.AdamW;
using AdamWConfig = Codec.Training.Optimization.AdamWConfig;

namespace Codec.Tests.Training;

public sealed class AdamWTests
{
    [Fact]
    public void Its_steps_are_those_of_libtorch()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var start = randn([7, 13], generator: generator);
        var (ours, theirs) = (new Parameter(start.clone()), new Parameter(start.clone()));
        using var optimizer = new AdamW([("w", ours)], new AdamWConfig { Beta1 = 0.8, Beta2 = 0.99, WeightDecay = 0.1 });
        using var reference = optim.AdamW([theirs], 0.01, 0.8, 0.99, 1e-8, 0.1);
        for (var i = 0; i < 20; i++)
        {
            var target = randn([7, 13], generator: generator);
            (ours - target).pow(2).sum().backward();
            optimizer.Step(0.01, maxNorm: 1e9);
            reference.zero_grad();
            (theirs - target).pow(2).sum().backward();
            reference.step();
        }
        Assert.InRange((ours - theirs).abs().max().item<float>(), 0, 1e-5f);
    }

    [Fact]
    public void The_average_follows_the_weights_and_can_be_swapped_in()
    {
        using var scope = NewDisposeScope();
        var weight = new Parameter(zeros(3));
        using var optimizer = new AdamW([("w", weight)], new AdamWConfig { AverageDecay = 0.5, WeightDecay = 0 });
        var expected = 0.0;
        for (var i = 0; i < 4; i++)
        {
            (weight - 1).sum().backward();
            optimizer.Step(0.1, maxNorm: 1e9);
            var share = Math.Max(0.5, 1.0 / (i + 2));
            expected += (weight[0].item<float>() - expected) * share;
        }
        var last = weight[0].item<float>();
        optimizer.SwapAverages();
        Assert.Equal(expected, weight[0].item<float>(), 1e-5);
        optimizer.SwapAverages();
        Assert.Equal(last, weight[0].item<float>());
    }

    [Fact]
    public void A_step_with_a_gradient_that_is_not_finite_changes_nothing()
    {
        using var scope = NewDisposeScope();
        var weight = new Parameter(ones(3));
        using var optimizer = new AdamW([("w", weight)], new AdamWConfig());
        (weight * float.PositiveInfinity).sum().backward();
        Assert.False(double.IsFinite(optimizer.Step(0.1, 1)));
        Assert.Equal([1f, 1, 1], weight.data<float>().ToArray());
    }
}
