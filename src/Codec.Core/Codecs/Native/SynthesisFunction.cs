using Codec.Core.Kernels;
using Codec.Core.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Native;

/// <summary>
/// Log-magnitudes and phases to windowed frames as one node of the graph with its gradient written out, for training on a CPU:
/// libtorch's backward of an inverse real FFT works on full complex spectra.
/// Inputs: polar [B, N, 2 F], the window [W].
/// </summary>
internal sealed unsafe class SynthesisFunction : GuardedFunction<SynthesisFunction>
{
    public override string Name => nameof(SynthesisFunction);

    /// <summary>Whether the kernels apply and somebody wants gradients.</summary>
    public static bool Fits(Tensor polar_BNF)
        => VectorMath.HasFused && is_grad_enabled() && polar_BNF.device_type == DeviceType.CPU
            && polar_BNF.dtype == ScalarType.Float32 && polar_BNF.shape[2] >= 4 * RowTile.Lanes;

    /// <returns>[B, N, W].</returns>
    protected override Tensor Forward(autograd.AutogradContext context, object[] inputs)
    {
        using var mode = no_grad();
        var (polar_BNF, window_W) = (((Tensor)inputs[0]).contiguous(), (Tensor)inputs[1]);
        var (bins, rows) = ((int)polar_BNF.shape[2] / 2, polar_BNF.shape[0] * polar_BNF.shape[1]);
        var spectrum_BNF = empty([polar_BNF.shape[0], polar_BNF.shape[1], bins], ScalarType.ComplexFloat32);
        nint from = (nint)ChannelPattern.Pointer(polar_BNF), to = (nint)ChannelPattern.Pointer(spectrum_BNF);
        RowBlocks.Run(rows, bins * 40L, (first, last)
            => PolarKernels.Forward((float*)from + first * 2 * bins, last - first, bins, NativeDecoder.MaxLogMagnitude, (float*)to + first * 2 * bins));
        context.save_for_backward([polar_BNF, spectrum_BNF, window_W]);
        return fft.irfft(spectrum_BNF, window_W.shape[0]).mul_(window_W);
    }

    protected override List<Tensor> Backward(autograd.AutogradContext context, Tensor gradient_BNW)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var saved = context.get_saved_variables();
        var (polar_BNF, spectrum_BNF, window_W) = (saved[0], saved[1], saved[2]);
        var transformed_BNF = fft.rfft(gradient_BNW * window_W).contiguous();
        var result_BNF = empty_like(polar_BNF);
        var (bins, rows) = ((int)polar_BNF.shape[2] / 2, polar_BNF.shape[0] * polar_BNF.shape[1]);
        nint polar = (nint)ChannelPattern.Pointer(polar_BNF), spectrum = (nint)ChannelPattern.Pointer(spectrum_BNF);
        nint transformed = (nint)ChannelPattern.Pointer(transformed_BNF), result = (nint)ChannelPattern.Pointer(result_BNF);
        RowBlocks.Run(rows, bins * 20L, (first, last) =>
        {
            var at = first * 2 * bins;
            PolarKernels.Backward((float*)polar + at, (float*)spectrum + at, (float*)transformed + at, last - first, bins, NativeDecoder.MaxLogMagnitude, (float*)result + at);
        });
        return [result_BNF.MoveToOuterDisposeScope(), null!];
    }
}
