using Codec.Core.Kernels;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Layers;

/// <summary>
/// Padding of SEANet convolutions (EnCodec and its relatives): reach - stride frames, all before the signal where it is
/// causal, and behind it what fills the last stride. A mirror that is longer than the signal finds zeros behind it.
/// </summary>
/// <param name="Reach">Frames from the first tap to the last, (K - 1) D + 1.</param>
/// <param name="Stride">S.</param>
/// <param name="Causal">Output frame t sees nothing after its own stride.</param>
/// <param name="Mode">What stands beyond the ends.</param>
public readonly record struct ConvPadding(int Reach, int Stride, bool Causal, PadMode Mode)
{
    /// <summary>Frames that the overlap of windows takes.</summary>
    public int Total => Reach - Stride;

    /// <summary>Frames before the signal.</summary>
    public int Left => Causal ? Total : Total - Total / 2;

    /// <summary>Frames behind a signal of a given length.</summary>
    public int Right(long length) => Total - Left + Extra(length);

    /// <summary>Frames that fill the last stride.</summary>
    public int Extra(long length) => (int)((Stride - length % Stride) % Stride);

    /// <summary>Pads by libtorch operators; differentiable, any device.</summary>
    public Tensor Apply(Tensor x_BCT)
    {
        var length = x_BCT.shape[^1];
        var (left, right) = (Left, Right(length));
        if (Mode != PadMode.Reflect)
            return F.pad(x_BCT, [left, right], Mode == PadMode.Zero ? TorchSharp.PaddingModes.Constant : TorchSharp.PaddingModes.Replicate);
        using var scope = NewDisposeScope();
        var missing = Math.Max(0, Math.Max(left, right) - length + 1);
        var longer = missing > 0 ? F.pad(x_BCT, [0, missing]) : x_BCT;
        return F.pad(longer, [left, right], TorchSharp.PaddingModes.Reflect).narrow(-1, 0, left + length + right).MoveToOuterDisposeScope();
    }

    /// <summary>Pads channels-last frames by copying, through ELU if asked (which commutes with all three modes).</summary>
    /// <param name="x_BTC">[B, T, C] without gaps.</param>
    /// <param name="elu">Applies ELU.</param>
    /// <returns>[B, Left + T + Right(T), C]; over the same memory where nothing is to be done.</returns>
    internal Tensor ApplyToFrames(Tensor x_BTC, bool elu)
    {
        var length = x_BTC.size(1);
        var (left, right) = (Left, Right(length));
        if (left + right == 0 && !elu)
            return x_BTC.alias();
        var padded_BTC = empty(x_BTC.size(0), left + length + right, x_BTC.size(2));
        var target = new FrameMemory(padded_BTC);
        new FrameMemory(x_BTC).CopyTo(target, left, elu);
        FillEnds(target, left, length, right);
        return padded_BTC;
    }

    /// <summary>Fills the frames around [left, left + length), which hold the signal.</summary>
    internal void FillEnds(FrameMemory frames, int left, long length, int right)
    {
        var extended = Math.Max(length, Math.Max(left, right) + 1);
        for (var item = 0L; item < frames.Batch; item++)
        {
            for (var t = -left; t < 0; t++)
                FillOne(frames, item, left, t, Source(t, length, extended));
            for (var t = length; t < length + right; t++)
                FillOne(frames, item, left, t, Source(t, length, extended));
        }
    }

    /// <summary>The frame that stands at position t; -1 for zeros.</summary>
    private long Source(long t, long length, long extended)
    {
        if (Mode == PadMode.Zero || length == 0)
            return -1;
        if (Mode == PadMode.Replicate)
            return t < 0 ? 0 : length - 1;
        var mirrored = t < 0 ? -t : t < extended ? t : 2 * (extended - 1) - t;
        return mirrored < length ? mirrored : -1;
    }

    private static void FillOne(FrameMemory frames, long item, int left, long t, long source)
    {
        var row = frames.Row(item, left + t);
        if (source < 0)
            row.Clear();
        else
            frames.Row(item, left + source).CopyTo(row);
    }
}
