using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Layers;

/// <summary>A chain of causal ConvNeXt blocks that frees each block's input as it goes.</summary>
public sealed class ConvNeXtStack : nn.Module<Tensor, StreamState?, Tensor>
{
    private readonly ModuleList<ConvNeXtBlock> blocks;

    public ConvNeXtStack(int width, int count, int expansion, int kernel) : base(nameof(ConvNeXtStack))
    {
        blocks = new ModuleList<ConvNeXtBlock>(Enumerable.Range(0, count)
            .Select(_ => new ConvNeXtBlock(width, width * expansion, kernel, 1.0 / Math.Max(1, count))).ToArray());
        RegisterComponents();
    }

    /// <param name="x_BTC">[B, T, C].</param>
    /// <param name="state">Stream memory; null = offline.</param>
    /// <returns>A new tensor of the same shape.</returns>
    public override Tensor forward(Tensor x_BTC, StreamState? state)
    {
        var y_BTC = x_BTC.alias();
        foreach (var block in blocks)
        {
            var next_BTC = block.forward(y_BTC, state);
            y_BTC.Dispose();
            y_BTC = next_BTC;
        }
        return y_BTC;
    }
}
