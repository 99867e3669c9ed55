using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Parity;

/// <summary>Compares the recorded output of every layer of a chain, and of chains within it.</summary>
internal static class LayerWalk
{
    /// <param name="report">Gets "input.layer.path" for every recorded path below <paramref name="path"/>.</param>
    /// <param name="input">Which recorded input.</param>
    /// <param name="path">Module path of the list, e.g. "encoder.block".</param>
    /// <param name="chain">Its modules, one after another.</param>
    /// <param name="x">What goes into the first.</param>
    public static void Run(ParityReport report, string input, string path, nn.Module chain, Tensor x)
    {
        var prefix = $"{input}.layer.{path}.";
        if (!report.Case.Recorded.Tensors.Keys.Any(k => k.StartsWith(prefix, StringComparison.Ordinal)))
            return;
        using var scope = NewDisposeScope();
        foreach (var (name, child) in chain.named_children())
        {
            foreach (var (inner, list) in child.named_children().Where(c => c.module.GetType().Name.StartsWith("ModuleList", StringComparison.Ordinal)))
                Run(report, input, $"{path}.{name}.{inner}", list, x);
            x = ((nn.Module<Tensor, Tensor>)child).forward(x);
            report.Values(prefix + name, x);
        }
    }
}
