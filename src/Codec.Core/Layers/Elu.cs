using Codec.Core.Kernels;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Layers;

/// <summary>ELU with alpha 1; no parameters, but a place in the published module lists.</summary>
public sealed class Elu() : nn.Module<Tensor, Tensor>(nameof(Elu)), IFrameLayer
{
    public override Tensor forward(Tensor x_BCT) => F.elu(x_BCT, 1);

    public Tensor Run(Tensor x_BTC, StreamState? state, bool elu = false)
    {
        var y_BTC = empty(x_BTC.shape);
        new FrameMemory(x_BTC).CopyTo(new FrameMemory(y_BTC), 0, elu: true);
        return y_BTC;
    }
}
