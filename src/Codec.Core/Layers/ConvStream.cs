using Codec.Core.Kernels;
using static TorchSharp.torch;

namespace Codec.Core.Layers;

/// <summary>
/// The input side of a convolution: frames padded at the ends of the signal and joined with what the stream remembers in
/// between, so that convolving the pieces gives what convolving the whole would give. Any number of frames per call.
/// A mirrored beginning needs the frames that it mirrors: until they are there, nothing comes out.
/// </summary>
internal sealed class ConvStream(ConvPadding padding)
{
    // A mirrored end needs more of the past than the windows do where the stride exceeds their overlap.
    private readonly int _context = padding.Mode == PadMode.Reflect ? Math.Max(0, padding.Stride - padding.Total - 1) : 0;

    /// <summary>Frames to convolve without further padding; [B, 0, C] where there are not enough yet.</summary>
    /// <param name="layer">Key of the slot.</param>
    /// <param name="x_BTC">New frames, without gaps.</param>
    /// <param name="state">Null: these are all frames of the signal.</param>
    /// <param name="elu">Applies ELU to the frames.</param>
    /// <exception cref="NotSupportedException">A stream, but the layer is not causal.</exception>
    public Tensor Next(object layer, Tensor x_BTC, StreamState? state, bool elu)
    {
        if (state is null || padding is { Reach: 1, Stride: 1 }) // one frame at a time needs no others
            return padding.ApplyToFrames(x_BTC, elu);
        if (!padding.Causal)
            throw new NotSupportedException("a convolution that looks ahead cannot be streamed");
        using var scope = NewDisposeScope();
        var slot = state.Slot(layer, () => new Slot(empty(x_BTC.size(0), 0, x_BTC.size(2))));
        var joined_BTC = Join(slot.Rows.Value, x_BTC, elu);
        if (!slot.Started && !Start(slot, ref joined_BTC, state.Ending))
            return Held(slot, joined_BTC, state.Ending).MoveToOuterDisposeScope();
        if (state.Ending)
            joined_BTC = End(slot, joined_BTC);
        return Windows(slot, joined_BTC).MoveToOuterDisposeScope();
    }

    private static Tensor Join(Tensor past_BTC, Tensor x_BTC, bool elu)
    {
        var (past, frames) = (past_BTC.size(1), x_BTC.size(1));
        var joined_BTC = empty(x_BTC.size(0), past + frames, x_BTC.size(2));
        var target = new FrameMemory(joined_BTC);
        new FrameMemory(past_BTC).CopyTo(target, 0);
        new FrameMemory(x_BTC).CopyTo(target, past, elu);
        return joined_BTC;
    }

    /// <summary>Pads the beginning once there are frames enough; false where there are not, or where the stream ends before that.</summary>
    private bool Start(Slot slot, ref Tensor joined_BTC, bool ending)
    {
        var frames = joined_BTC.size(1);
        var needed = padding.Mode switch
        {
            PadMode.Reflect => Math.Max(padding.Left, padding.Stride - 1) + 1,
            _ => 1,
        };
        if (frames < needed || ending)
            return false;
        var padded_BTC = empty(joined_BTC.size(0), padding.Left + frames, joined_BTC.size(2));
        var target = new FrameMemory(padded_BTC);
        new FrameMemory(joined_BTC).CopyTo(target, padding.Left);
        padding.FillEnds(target, padding.Left, frames, 0);
        (joined_BTC, slot.Started) = (padded_BTC, true);
        return true;
    }

    /// <summary>A stream that has not begun: waits, or at its end is a short signal of its own.</summary>
    private Tensor Held(Slot slot, Tensor joined_BTC, bool ending)
    {
        if (ending && joined_BTC.size(1) > 0)
            return padding.ApplyToFrames(joined_BTC, elu: false);
        slot.Rows.Set(joined_BTC);
        return joined_BTC.narrow(1, 0, 0).contiguous();
    }

    /// <summary>Fills the last stride.</summary>
    private Tensor End(Slot slot, Tensor joined_BTC)
    {
        var frames = joined_BTC.size(1);
        var extra = padding.Extra(frames - slot.Context - padding.Total);
        if (extra == 0)
            return joined_BTC;
        var padded_BTC = empty(joined_BTC.size(0), frames + extra, joined_BTC.size(2));
        var target = new FrameMemory(padded_BTC);
        new FrameMemory(joined_BTC).CopyTo(target, 0);
        padding.FillEnds(target, 0, frames, extra);
        return padded_BTC;
    }

    private Tensor Windows(Slot slot, Tensor joined_BTC)
    {
        var frames = joined_BTC.size(1) - slot.Context;
        var steps = frames < padding.Reach ? 0 : (frames - padding.Reach) / padding.Stride + 1;
        var first = slot.Context;
        var next = first + steps * padding.Stride;
        var kept = Math.Max(0, next - _context);
        slot.Context = (int)(next - kept);
        slot.Rows.Set(joined_BTC.narrow(1, kept, joined_BTC.size(1) - kept));
        return joined_BTC.narrow(1, first, steps == 0 ? 0 : (steps - 1) * padding.Stride + padding.Reach).contiguous();
    }

    private sealed class Slot : IStreamSlot
    {
        public Slot(Tensor rows_BTC) => Rows = new TensorSlot(rows_BTC);

        private Slot(TensorSlot rows) => Rows = rows;

        /// <summary>Frames that later windows need.</summary>
        public TensorSlot Rows { get; }

        /// <summary>How many of them lie before the next window.</summary>
        public int Context { get; set; }

        public bool Started { get; set; }

        public IStreamSlot Fork() => new Slot((TensorSlot)Rows.Fork()) { Context = Context, Started = Started };

        public void Dispose() => Rows.Dispose();
    }
}
