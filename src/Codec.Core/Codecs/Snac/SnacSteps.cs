using Codec.Core.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Snac;

/// <summary>How the layers of a block run.</summary>
internal static class SnacSteps
{
    /// <summary>Layers that may overwrite what the chain hands on do so.</summary>
    public static Func<Tensor, Tensor> InPlace(nn.Module<Tensor, Tensor> layer) => layer switch
    {
        Snake snake => snake.ForwardInPlace,
        SnakeUnit unit => unit.ForwardInPlace,
        _ => layer.forward,
    };
}
