using static TorchSharp.torch;

namespace Codec.Core.Layers;

/// <summary>Joins pieces of frames in one memory as they come, so that they are never held twice.</summary>
internal sealed class FrameParts
{
    private Tensor? _frames_BTC;
    private long _count;

    /// <param name="part_BTC">The next frames.</param>
    /// <param name="total">Frames that are expected in all, if they come as they have.</param>
    public void Add(Tensor part_BTC, long total)
    {
        var needed = _count + part_BTC.size(1);
        if (_frames_BTC is null || _frames_BTC.size(1) < needed)
            Grow(part_BTC, Math.Max(needed, total));
        using var target_BTC = _frames_BTC!.narrow(1, _count, part_BTC.size(1));
        target_BTC.copy_(part_BTC).Dispose();
        _count = needed;
    }

    /// <returns>All frames, without gaps, in the scope of the caller.</returns>
    /// <exception cref="InvalidOperationException">There was no part.</exception>
    public Tensor Join()
    {
        using var whole_BTC = _frames_BTC ?? throw new InvalidOperationException("no frames to join");
        using var used_BTC = whole_BTC.narrow(1, 0, _count);
        return used_BTC.contiguous();
    }

    private void Grow(Tensor part_BTC, long frames)
    {
        var grown_BTC = empty(part_BTC.size(0), frames, part_BTC.size(2), part_BTC.dtype).DetachFromDisposeScope();
        if (_frames_BTC is not null && _count > 0)
        {
            using Tensor from_BTC = _frames_BTC.narrow(1, 0, _count), to_BTC = grown_BTC.narrow(1, 0, _count);
            to_BTC.copy_(from_BTC).Dispose();
        }
        _frames_BTC?.Dispose();
        _frames_BTC = grown_BTC;
    }
}
