using static TorchSharp.torch;

namespace Codec.Tests.Support;

/// <summary>Assertions on tensors.</summary>
public static class Tensors
{
    /// <summary>Largest absolute difference; shapes must agree.</summary>
    public static double MaxDifference(Tensor expected, Tensor actual)
    {
        using var scope = NewDisposeScope();
        Assert.Equal(expected.shape, actual.shape);
        return expected.numel() == 0 ? 0 : (expected.to(float64) - actual.to(float64)).abs().max().item<double>();
    }

    public static void Close(Tensor expected, Tensor actual, double tolerance, string what = "")
    {
        var difference = MaxDifference(expected, actual);
        Assert.True(difference <= tolerance, $"{what}: differs by {difference:g3}, tolerance {tolerance:g3}");
    }

    public static void Equal(Tensor expected, Tensor actual, string what = "")
    {
        using var scope = NewDisposeScope();
        Assert.Equal(expected.shape, actual.shape);
        var different = expected.ne(actual).sum().item<long>();
        Assert.True(different == 0, $"{what}: {different} of {expected.numel()} differ");
    }
}
