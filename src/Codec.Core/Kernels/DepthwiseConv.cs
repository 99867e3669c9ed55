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
        private const int SevenTaps = 7, Together = 4;

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
                Stretch(x, y, Blocks(x, y, inner, outer), outer, 0, Kernel);
            for (var t = outer; t < last; t++)
                Edge(x, y, t);
        }

        /// <summary>
        /// Rows of seven taps four at a time, whose taps are read once and whose ten inputs are shared: what bounds this is reading from the nearest cache.
        /// </summary>
        /// <returns>The first row that is left.</returns>
        private long Blocks(float* x, float* y, long first, long last)
        {
            if (Kernel != SevenTaps || Channels % ChannelPattern.Lanes != 0)
                return first;
            var row = first;
            fixed (float* taps = Taps, bias = Bias)
                for (; row + Together * Dilation <= last; row += Together * Dilation)
                    for (var t = row; t < row + Dilation; t++)
                        Four(x + (t - Padding) * Channels, y + t * Channels, taps, bias);
            return row;
        }

        /// <summary>Rows 0, D, 2 D and 3 D of the result.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Four(float* x, float* y, float* taps, float* bias)
        {
            nint step = (nint)Dilation * Channels, pattern = Bias.Length;
            for (nint c = 0; c < Channels; c += ChannelPattern.Lanes)
            {
                float* at = x + c, tap = taps + c, to = y + c;
                Vector512<float> x0 = Vector512.Load(at), x1 = Vector512.Load(at + step), x2 = Vector512.Load(at + 2 * step), x3 = Vector512.Load(at + 3 * step), x4 = Vector512.Load(at + 4 * step);
                at += 5 * step;
                Vector512<float> x5 = Vector512.Load(at), x6 = Vector512.Load(at + step), x7 = Vector512.Load(at + 2 * step), x8 = Vector512.Load(at + 3 * step), x9 = Vector512.Load(at + 4 * step);
                Vector512<float> a = Vector512.Load(bias + c), b = a, e = a, f = a, w = Vector512.Load(tap);
                a = Vector512.FusedMultiplyAdd(w, x0, a); b = Vector512.FusedMultiplyAdd(w, x1, b); e = Vector512.FusedMultiplyAdd(w, x2, e); f = Vector512.FusedMultiplyAdd(w, x3, f); w = Vector512.Load(tap + pattern);
                a = Vector512.FusedMultiplyAdd(w, x1, a); b = Vector512.FusedMultiplyAdd(w, x2, b); e = Vector512.FusedMultiplyAdd(w, x3, e); f = Vector512.FusedMultiplyAdd(w, x4, f); w = Vector512.Load(tap + 2 * pattern);
                a = Vector512.FusedMultiplyAdd(w, x2, a); b = Vector512.FusedMultiplyAdd(w, x3, b); e = Vector512.FusedMultiplyAdd(w, x4, e); f = Vector512.FusedMultiplyAdd(w, x5, f); w = Vector512.Load(tap + 3 * pattern);
                a = Vector512.FusedMultiplyAdd(w, x3, a); b = Vector512.FusedMultiplyAdd(w, x4, b); e = Vector512.FusedMultiplyAdd(w, x5, e); f = Vector512.FusedMultiplyAdd(w, x6, f); w = Vector512.Load(tap + 4 * pattern);
                a = Vector512.FusedMultiplyAdd(w, x4, a); b = Vector512.FusedMultiplyAdd(w, x5, b); e = Vector512.FusedMultiplyAdd(w, x6, e); f = Vector512.FusedMultiplyAdd(w, x7, f); w = Vector512.Load(tap + 5 * pattern);
                a = Vector512.FusedMultiplyAdd(w, x5, a); b = Vector512.FusedMultiplyAdd(w, x6, b); e = Vector512.FusedMultiplyAdd(w, x7, e); f = Vector512.FusedMultiplyAdd(w, x8, f); w = Vector512.Load(tap + 6 * pattern);
                a = Vector512.FusedMultiplyAdd(w, x6, a); b = Vector512.FusedMultiplyAdd(w, x7, b); e = Vector512.FusedMultiplyAdd(w, x8, e); f = Vector512.FusedMultiplyAdd(w, x9, f);
                Vector512.Store(a, to);
                Vector512.Store(b, to + step);
                Vector512.Store(e, to + 2 * step);
                Vector512.Store(f, to + 3 * step);
            }
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
