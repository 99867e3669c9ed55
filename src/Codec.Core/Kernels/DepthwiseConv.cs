using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Kernels;

/// <summary>Convolution with one filter per channel, stride 1, zero padding, on channels-last float32: one pass over memory.</summary>
public static unsafe class DepthwiseConv
{
    public static bool Applies(Tensor x_BCT, Tensor weight_OIK, int stride, int groups)
        => groups > 1 && groups == x_BCT.shape[1] && weight_OIK.shape[0] == groups && stride == 1
            && x_BCT.dtype == ScalarType.Float32;

    /// <param name="x_BCT">Any layout.</param>
    /// <param name="weight_C1K">One filter per channel.</param>
    /// <param name="bias">[C] or null.</param>
    /// <param name="padding">Zeros on both sides.</param>
    /// <param name="dilation">Distance of the taps.</param>
    /// <returns>Channels-last [B, C, T + 2 padding - dilation (K - 1)].</returns>
    public static Tensor Run(Tensor x_BCT, Tensor weight_C1K, Tensor? bias, int padding, int dilation)
    {
        using var scope = NewDisposeScope();
        var x_BTC = x_BCT.transpose(1, 2).contiguous();
        var (batch, length, channels, kernel) = (x_BTC.shape[0], x_BTC.shape[1], (int)x_BTC.shape[2], (int)weight_C1K.shape[2]);
        var outputs = length + 2 * padding - dilation * (kernel - 1);
        if (outputs < 1)
            throw new ArgumentException($"{length} frames are too few for a kernel that reaches over {dilation * (kernel - 1) + 1}", nameof(x_BCT));
        var y_BTC = empty(batch, outputs, channels);
        var job = new Job(weight_C1K, bias) { Padding = padding, Dilation = dilation, Inputs = length };
        var (x, y) = ((nint)ChannelPattern.Pointer(x_BTC), (nint)ChannelPattern.Pointer(y_BTC));
        for (var b = 0L; b < batch; b++)
        {
            var (from, to) = (x + (nint)(b * length * channels * sizeof(float)), y + (nint)(b * outputs * channels * sizeof(float)));
            RowBlocks.Run(outputs, channels * kernel, (first, last) => job.Rows((float*)from, (float*)to, first, last));
        }
        return y_BTC.transpose(1, 2).MoveToOuterDisposeScope();
    }

    /// <summary>Packed filters for rows that bring their padding with them.</summary>
    internal sealed class Filters(Tensor weight_C1K, Tensor? bias, int dilation)
    {
        private readonly Job _job = new(weight_C1K, bias) { Padding = 0, Dilation = dilation, Inputs = 1L << 40 };

        /// <summary>So many rows, from the first on, on the calling thread.</summary>
        public void Run(float* x, float* y, long rows) => _job.Rows(x, y, 0, rows);
    }

    private sealed class Job
    {
        public readonly float[] Taps, Bias; // patterns: [K][period + lanes], [period + lanes]
        public readonly int Channels, Kernel;
        public required int Padding, Dilation;
        public required long Inputs;

        public Job(Tensor weight_C1K, Tensor? bias)
        {
            using var scope = NewDisposeScope();
            (Channels, Kernel) = ((int)weight_C1K.shape[0], (int)weight_C1K.shape[2]);
            var taps_KC = ChannelPattern.Values(weight_C1K.squeeze(1).t());
            Taps = Enumerable.Range(0, Kernel).Select(k => ChannelPattern.Of(taps_KC.AsSpan(k * Channels, Channels))).SelectMany(p => p).ToArray();
            Bias = ChannelPattern.Of(bias is null ? new float[Channels] : ChannelPattern.Values(bias));
        }

        /// <summary>Rows where all taps meet data in one stretch, the others one by one.</summary>
        public void Rows(float* x, float* y, long first, long last)
        {
            var reach = (long)Dilation * (Kernel - 1);
            var (inner, outer) = (Math.Clamp(Padding, first, last), Math.Clamp(Inputs + Padding - reach, first, last));
            outer = Math.Max(inner, outer);
            for (var t = first; t < inner; t++)
                Edge(x, y, t);
            if (outer > inner)
                Stretch(x, y, inner, outer, 0, Kernel);
            for (var t = outer; t < last; t++)
                Edge(x, y, t);
        }

        private void Edge(float* x, float* y, long t)
        {
            var start = t - Padding;
            var low = start < 0 ? (int)((-start + Dilation - 1) / Dilation) : 0;
            var high = start >= Inputs ? 0 : (int)Math.Min(Kernel, (Inputs - 1 - start) / Dilation + 1);
            Stretch(x, y, t, t + 1, Math.Min(low, Kernel), Math.Max(high, Math.Min(low, Kernel)));
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Stretch(float* x, float* y, long firstRow, long lastRow, int lowTap, int highTap)
        {
            const int lanes = ChannelPattern.Lanes;
            var (pattern, period) = (Bias.Length, Bias.Length - lanes);
            var (i, last) = (firstRow * Channels, lastRow * Channels);
            var step = (long)Dilation * Channels;
            var at = (int)(i % period);
            fixed (float* taps = Taps, bias = Bias)
            {
                for (; i + lanes <= last; i += lanes)
                {
                    var sum = Vector512.Load(bias + at);
                    float* input = x + i - (long)Padding * Channels + lowTap * step;
                    float* tap = taps + lowTap * pattern + at;
                    for (var k = lowTap; k < highTap; k++, input += step, tap += pattern)
                        sum = Vector512.FusedMultiplyAdd(Vector512.Load(tap), Vector512.Load(input), sum);
                    Vector512.Store(sum, y + i);
                    at += lanes;
                    if (at >= period)
                        at -= period;
                }
                for (; i < last; i++, at++)
                {
                    var sum = bias[at];
                    for (var k = lowTap; k < highTap; k++)
                        sum = MathF.FusedMultiplyAdd(taps[k * pattern + at], x[i - (long)Padding * Channels + k * step], sum);
                    y[i] = sum;
                }
            }
        }
    }
}
