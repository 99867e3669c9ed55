using Codec.Core;
using static TorchSharp.torch;

namespace Codec.Benchmarks;

/// <summary>How a model of DAC's kind is made to run by conv1d on [B, C, T], as PyTorch runs it.</summary>
internal static class PlainPath
{
    /// <summary>Gives all weights the memory order that conv1d wants, so that nothing is copied per call.</summary>
    public static T Ordered<T>(T model) where T : nn.Module
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        foreach (var parameter in model.parameters().Where(p => !p.is_contiguous()))
            parameter.set_(parameter.contiguous());
        model.eval();
        return model;
    }

    /// <summary>Layers take their plain path where gradients could be wanted; inside inference mode no graph is built.</summary>
    public static Tensor Run(Func<Tensor> layers)
    {
        using var grad = enable_grad();
        return layers();
    }

    /// <summary>Copies the weights of one model to another of the same shape.</summary>
    public static void Copy(nn.Module from, nn.Module to)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        var weights = from.state_dict();
        foreach (var (name, tensor) in to.state_dict())
            tensor.copy_(weights[name]);
    }

    /// <summary>Share of equal codes.</summary>
    public static double Agreement(Codes a, Codes b)
    {
        var (equal, all) = (0L, 0L);
        for (var k = 0; k < a.Books; k++)
        {
            equal += a[k].ToArray().Zip(b[k].ToArray(), (x, y) => x == y ? 1L : 0).Sum();
            all += a[k].Length;
        }
        return (double)equal / all;
    }
}
