using Codec.Core.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Tests.Core.Layers;

public sealed class GuardedFunctionTests
{
    [Fact, NoTensorLeaks]
    public void A_failing_forward_pass_is_an_exception_of_the_caller()
    {
        using var scope = NewDisposeScope();
        var x = ones(3, requires_grad: true);
        var thrown = Assert.Throws<InvalidOperationException>(() => Failing.apply(x, true));
        Assert.Equal("Failing: no way forward", thrown.Message);
        Assert.Equal(6, (Failing.apply(x, false) * 2).sum().item<float>()); // and the next call knows nothing of it
    }

    [Fact, NoTensorLeaks]
    public void A_failing_backward_pass_is_an_exception_of_the_caller()
    {
        using var scope = NewDisposeScope();
        var x = ones(3, requires_grad: true);
        var loss = (Failing.apply(x * 2, false) * 3).sum();
        var thrown = Assert.Throws<InvalidOperationException>(() => GuardedFunction.Gradients(loss, [x]));
        Assert.Equal("Failing: no way back", thrown.Message);
        Assert.Equal(4, GuardedFunction.Gradients((x * 4).sum(), [x])[0]!.mean().item<float>());
    }

    [Fact]
    public void What_a_loss_knows_nothing_of_has_no_gradient()
    {
        using var scope = NewDisposeScope();
        var x = ones(3, requires_grad: true);
        var gradients = GuardedFunction.Gradients((x * 4).sum(), [ones(2, requires_grad: true), x]);
        Assert.Null(gradients[0]);
        Assert.Equal(4, gradients[1]!.mean().item<float>());
    }

    private sealed class Failing : GuardedFunction<Failing>
    {
        public override string Name => nameof(Failing);

        protected override Tensor Forward(autograd.AutogradContext context, object[] inputs)
            => (bool)inputs[1] ? throw new ArgumentException("no way forward") : ((Tensor)inputs[0]).clone();

        protected override List<Tensor> Backward(autograd.AutogradContext context, Tensor gradient) => throw new ArgumentException("no way back");
    }
}
