using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Kernels;

/// <summary>Convolution from one channel to many, stride 1, zero padding, float32: the first layer of a waveform encoder,
/// for which general kernels reorder far more memory than they compute.</summary>
public static unsafe class ThinConv
{
    public static bool Applies(Tensor x_BCT, Tensor weight_OIK, int stride, int groups)
        => groups == 1 && weight_OIK.shape[1] == 1 && weight_OIK.shape[0] % ChannelPattern.Lanes == 0 && stride == 1
            && x_BCT.dtype == ScalarType.Float32;

    /// <param name="x_B1T">One channel.</param>
    /// <param name="weight_O1K">Filters.</param>
    /// <param name="bias">[O] or null.</param>
    /// <param name="padding">Zeros on both sides.</param>
    /// <param name="dilation">Distance of the taps.</param>
    /// <returns>Channels-last [B, O, T + 2 padding - dilation (K - 1)].</returns>
    public static Tensor Run(Tensor x_B1T, Tensor weight_O1K, Tensor? bias, int padding, int dilation)
    {
        using var scope = NewDisposeScope();
        var padded = nn.functional.pad(x_B1T, [padding, padding]).contiguous();
        var (batch, length, channels, kernel) = (padded.shape[0], padded.shape[2], (int)weight_O1K.shape[0], (int)weight_O1K.shape[2]);
        var outputs = length - dilation * (kernel - 1);
        if (outputs < 1)
            throw new ArgumentException($"{length} samples are too few for a kernel that reaches over {dilation * (kernel - 1) + 1}", nameof(x_B1T));
        var y_BTC = empty(batch, outputs, channels);
        var taps_KC = ChannelPattern.Values(weight_O1K.squeeze(1).t());
        var offsets = bias is null ? new float[channels] : ChannelPattern.Values(bias);
        var (x, y) = ((nint)ChannelPattern.Pointer(padded), (nint)ChannelPattern.Pointer(y_BTC));
        for (var b = 0L; b < batch; b++)
        {
            var (from, to) = (x + (nint)(b * length * sizeof(float)), y + (nint)(b * outputs * channels * sizeof(float)));
            RowBlocks.Run(outputs, channels * kernel,
                (first, last) => Rows((float*)from, (float*)to, first, last, taps_KC, offsets, dilation));
        }
        return y_BTC.transpose(1, 2).MoveToOuterDisposeScope();
    }

    private static void Rows(float* x, float* y, long first, long last, float[] taps_KC, float[] offsets, int dilation)
    {
        var channels = offsets.Length;
        var kernel = taps_KC.Length / channels;
        fixed (float* taps = taps_KC, bias = offsets)
        {
            for (var t = first; t < last; t++)
            {
                float* row = y + t * channels;
                for (var c = 0; c < channels; c += ChannelPattern.Lanes)
                {
                    var sum = Vector512.Load(bias + c);
                    for (var k = 0; k < kernel; k++)
                        sum = Vector512.FusedMultiplyAdd(Vector512.Load(taps + k * channels + c), Vector512.Create(x[t + k * dilation]), sum);
                    Vector512.Store(sum, row + c);
                }
            }
        }
    }
}
