using Codec.Core.Kernels;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Layers.Seanet;

/// <summary>GroupNorm with one group on channels-last frames: every item is normalised over all its frames and channels.</summary>
internal static class FrameNorm
{
    /// <param name="x_BTC">Frames.</param>
    /// <param name="norm">Scale and offset per channel.</param>
    public static Tensor Run(Tensor x_BTC, GroupNorm norm)
    {
        using var scope = NewDisposeScope();
        var normal_BTC = nn.functional.layer_norm(x_BTC, x_BTC.shape[1..], eps: 1e-5);
        return addcmul(norm.bias!, normal_BTC, norm.weight!, 1).MoveToOuterDisposeScope();
    }

    /// <summary>Adds and applies ELU in place.</summary>
    public static Tensor Finish(Tensor x_BTC, Tensor? add_BTC, bool elu)
    {
        if (add_BTC is not null)
            x_BTC.add_(add_BTC);
        if (elu)
            new FrameMemory(x_BTC).CopyTo(new FrameMemory(x_BTC), 0, elu: true);
        return x_BTC;
    }
}
