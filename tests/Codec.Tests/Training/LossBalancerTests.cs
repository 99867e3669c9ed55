using Codec.Training.Losses;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Training;

[NoTensorLeaks]
public sealed class LossBalancerTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 1)]
    [InlineData(1, 1000)]
    public void Every_term_moves_the_output_by_its_share_whatever_its_units(double share, double units)
    {
        using var scope = NewDisposeScope();
        var leaf = ones(4).requires_grad_(true);
        var output = leaf * 1;
        // Gradients (units, 0, ...) and (0, 1, ...): their balanced norms can be read off separately.
        var terms = new LossTerm[] { new("a", output[0] * units, share), new("b", output[1] * 1, 1) };
        new LossBalancer().Combine(terms, output).backward();
        var gradient = leaf.grad!.data<float>().ToArray();
        Assert.Equal(share / (share + 1), gradient[0], 1e-5);
        Assert.Equal(1 / (share + 1), gradient[1], 1e-5);
        leaf.grad!.Dispose();
    }

    [Fact]
    public void A_resumed_balancer_goes_on_as_the_first()
    {
        using var scope = NewDisposeScope();
        float Step(LossBalancer balancer, float size)
        {
            var leaf = ones(2).requires_grad_(true);
            var output = leaf * 1;
            balancer.Combine([new("a", output.sum() * size, 1)], output).backward();
            return leaf.grad![0].item<float>();
        }
        var first = new LossBalancer();
        Step(first, 1);
        Step(first, 5);
        var second = new LossBalancer();
        second.Resume(first.State.ToArray());
        Assert.Equal(Step(first, 2), Step(second, 2));
    }
}
