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
        var thrown = Assert.Throws<InvalidOperationException>(() => GuardedFunction.Backward(loss));
        Assert.Equal("Failing: no way back", thrown.Message);
        GuardedFunction.Backward((x * 4).sum());
        Assert.Equal(4, x.grad!.mean().item<float>());
        x.grad!.Dispose();
    }

    private sealed class Failing : GuardedFunction<Failing>
    {
        public override string Name => nameof(Failing);

        protected override Tensor Forward(autograd.AutogradContext context, object[] inputs)
            => (bool)inputs[1] ? throw new ArgumentException("no way forward") : ((Tensor)inputs[0]).clone();

        protected override List<Tensor> Backward(autograd.AutogradContext context, Tensor gradient) => throw new ArgumentException("no way back");
    }
}
