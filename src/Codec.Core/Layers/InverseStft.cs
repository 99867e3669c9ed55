using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Layers;

/// <summary>How frames of a transform lie over the samples.</summary>
public enum FramePadding
{
    /// <summary>frames x hop samples.</summary>
    Same,

    /// <summary>Frames are centred on multiples of the hop: (frames - 1) x hop samples.</summary>
    Center,
}

/// <summary>Inverse STFT by windowed overlap-add, divided by the overlap-added squared window. Checkpoint key: window.</summary>
public sealed class InverseStft : nn.Module<Tensor, Tensor, Tensor>
{
    private const double Floor = 1e-11;

    private readonly Tensor window;
    private readonly int _hop;
    private readonly FramePadding _padding;

    /// <param name="size">N: transform and window length.</param>
    /// <param name="hop">Samples from frame to frame.</param>
    /// <param name="padding">What is cut off at the ends.</param>
    public InverseStft(int size, int hop, FramePadding padding) : base(nameof(InverseStft))
    {
        (_hop, _padding) = (hop, padding);
        window = hann_window(size).DetachFromDisposeScope();
        RegisterComponents();
    }

    /// <param name="magnitude_BTF">[B, T, N/2+1].</param>
    /// <param name="phase_BTF">Radians, same shape.</param>
    /// <returns>[B, samples].</returns>
    public override Tensor forward(Tensor magnitude_BTF, Tensor phase_BTF)
    {
        using var scope = NewDisposeScope();
        var size = window.shape[0];
        var spectrum = complex(magnitude_BTF * phase_BTF.cos(), magnitude_BTF * phase_BTF.sin());
        var frames_BTN = fft.irfft(spectrum, size, -1).mul_(window);
        var envelope = OverlapAdd(window.square().expand(1, frames_BTN.shape[1], size), _hop);
        var sum = OverlapAdd(frames_BTN, _hop);
        var cut = _padding == FramePadding.Same ? (size - _hop) / 2 : size / 2;
        var length = sum.shape[1] - 2 * cut;
        if (length < 1)
            throw new ArgumentException($"{frames_BTN.shape[1]} frames are too few for an inverse STFT of {size} with hop {_hop}", nameof(magnitude_BTF));
        return (sum.narrow(1, cut, length) / envelope.narrow(1, cut, length).clamp(Floor)).MoveToOuterDisposeScope();
    }

    /// <param name="frames_BTN">[B, T, N].</param>
    /// <param name="hop">Samples from frame to frame.</param>
    /// <returns>[B, (T - 1) hop + N].</returns>
    public static Tensor OverlapAdd(Tensor frames_BTN, int hop)
    {
        using var scope = NewDisposeScope();
        var (batch, count, size) = (frames_BTN.shape[0], frames_BTN.shape[1], frames_BTN.shape[2]);
        // Split into pieces of one hop: piece j of frame t belongs to hop t + j.
        var pieces = (size + hop - 1) / hop;
        var split = F.pad(frames_BTN, [0, pieces * hop - size]).view(batch, count, pieces, hop);
        var sum = zeros(batch, count + pieces - 1, hop, device: frames_BTN.device);
        for (var j = 0L; j < pieces; j++)
            sum.narrow(1, j, count).add_(split.select(2, j));
        return sum.view(batch, -1).narrow(1, 0, (count - 1) * hop + size).MoveToOuterDisposeScope();
    }
}
