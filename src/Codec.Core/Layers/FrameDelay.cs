using Codec.Core.Kernels;
using static TorchSharp.torch;

namespace Codec.Core.Layers;

/// <summary>Keeps a side branch in step with a main branch that holds frames back at the beginning of a stream.</summary>
internal static class FrameDelay
{
    /// <summary>The next frames of the side branch, as many as the main branch gave.</summary>
    public static Tensor Next(object layer, Tensor x_BTC, long frames, StreamState? state)
    {
        if (state is null)
            return x_BTC.alias();
        using var scope = NewDisposeScope();
        var slot = state.Slot(layer, () => new TensorSlot(empty(x_BTC.size(0), 0, x_BTC.size(2))), nameof(FrameDelay));
        if (slot.Value.size(1) == 0 && x_BTC.size(1) == frames)
            return x_BTC.alias().MoveToOuterDisposeScope();
        var joined_BTC = cat([slot.Value, x_BTC], 1);
        slot.Set(joined_BTC.narrow(1, frames, joined_BTC.size(1) - frames));
        return joined_BTC.narrow(1, 0, frames).contiguous().MoveToOuterDisposeScope();
    }
}
