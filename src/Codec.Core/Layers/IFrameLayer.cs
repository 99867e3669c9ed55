using static TorchSharp.torch;

namespace Codec.Core.Layers;

/// <summary>
/// A layer that can run on channels-last frames [B, T, C] by own kernels: inference on the CPU in float32, whole signals or
/// streams. Its weights are packed when it first runs and must not change afterwards. <c>forward</c> of the same layer works on
/// [B, C, T] by libtorch operators, on any device and with gradients.
/// </summary>
public interface IFrameLayer
{
    /// <param name="x_BTC">Frames without gaps.</param>
    /// <param name="state">What the stream remembers; null: these are all frames.</param>
    /// <param name="elu">Applies ELU to the result.</param>
    /// <returns>A new tensor; in a stream as many frames as are ready, perhaps none.</returns>
    Tensor Run(Tensor x_BTC, StreamState? state, bool elu = false);
}
