using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Layers.Seanet;

/// <summary>Runs a published list of modules, by libtorch operators or by own kernels with ELU fused into the layer before it.</summary>
internal static class SeanetStack
{
    /// <param name="model">Layers in order.</param>
    /// <param name="x_BCT">[B, C, T].</param>
    /// <param name="observe">Sees index and output of every layer; null for nobody.</param>
    public static Tensor Forward(ModuleList<nn.Module<Tensor, Tensor>> model, Tensor x_BCT, Action<int, Tensor>? observe)
    {
        using var scope = NewDisposeScope();
        var y_BCT = x_BCT;
        for (var i = 0; i < model.Count; i++)
        {
            var next_BCT = model[i].forward(y_BCT);
            if (i > 0)
                y_BCT.Dispose();
            y_BCT = next_BCT;
            observe?.Invoke(i, y_BCT);
        }
        return y_BCT.MoveToOuterDisposeScope();
    }

    /// <param name="model">Layers in order; all are <see cref="IFrameLayer"/>.</param>
    /// <param name="x_BTC">Frames without gaps.</param>
    /// <param name="state">What the stream remembers; null: these are all frames.</param>
    public static Tensor Run(ModuleList<nn.Module<Tensor, Tensor>> model, Tensor x_BTC, StreamState? state)
    {
        using var scope = NewDisposeScope();
        var y_BTC = x_BTC;
        for (var i = 0; i < model.Count; i++)
        {
            var elu = i + 1 < model.Count && model[i + 1] is Elu && model[i] is not Elu;
            var next_BTC = ((IFrameLayer)model[i]).Run(y_BTC, state, elu);
            if (!ReferenceEquals(y_BTC, x_BTC))
                y_BTC.Dispose();
            y_BTC = next_BTC;
            if (elu)
                i++;
        }
        return y_BTC.MoveToOuterDisposeScope();
    }
}
