using System.Reflection;
using Xunit.v3;
using static TorchSharp.torch;

namespace Codec.Tests.Support;

/// <summary>
/// Fails a test that leaves live tensors behind. Build modules before the test (in the constructor of its class): TorchSharp
/// counts the tensor that became a Parameter for ever, though its memory is freed.
/// </summary>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Class)]
public sealed class NoTensorLeaksAttribute : BeforeAfterTestAttribute
{
    private long _before;

    public override void Before(MethodInfo methodUnderTest, IXunitTest test)
        => _before = Tensor.TotalCount;

    public override void After(MethodInfo methodUnderTest, IXunitTest test)
    {
        var leaked = Tensor.TotalCount - _before;
        if (leaked > 0)
            throw new InvalidOperationException($"{leaked} tensors leaked");
    }
}
