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
        // Gradients (units, 0, ...) and (0, 1, ...): their balanced norms can be read off separately.
        using Tensor a = tensor([(float)units, 0, 0, 0]), b = tensor([0f, 1, 0, 0]);
        var gradient = new LossBalancer().Combine([("a", a, share), ("b", b, 1)]).data<float>().ToArray();
        Assert.Equal(share / (share + 1), gradient[0], 1e-5);
        Assert.Equal(1 / (share + 1), gradient[1], 1e-5);
    }

    [Fact]
    public void A_resumed_balancer_goes_on_as_the_first()
    {
        using var scope = NewDisposeScope();
        float Step(LossBalancer balancer, float size)
        {
            using var gradient = ones(2) * size;
            return balancer.Combine([("a", gradient, 1)])[0].item<float>();
        }
        var first = new LossBalancer();
        Step(first, 1);
        Step(first, 5);
        var second = new LossBalancer();
        second.Resume(first.State.ToArray());
        Assert.Equal(Step(first, 2), Step(second, 2));
    }
}
