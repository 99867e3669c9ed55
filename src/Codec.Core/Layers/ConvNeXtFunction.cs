using Codec.Core.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Layers;

/// <summary>
/// A causal ConvNeXt block as one node of the graph with its gradient written out, for training on a CPU: the matrix products
/// on own kernels, everything between them in one pass over memory each.
/// </summary>
internal sealed unsafe class ConvNeXtFunction : GuardedFunction<ConvNeXtFunction>
{
    // Inputs, the parameters in the order of ConvNeXtBlock; then what the forward pass leaves for the backward pass.
    private const int X = 0, Taps = 1, TapBias = 2, Scale = 3, Shift = 4, W1 = 5, B1 = 6, W2 = 7, B2 = 8, Gamma = 9,
        Centred = 10, Factor = 11, Normed = 12, Active = 13, Slope = 14, Inner = 15;

    /// <summary>Sizes of a block: items, frames, channels, inner channels, taps of the depthwise convolution.</summary>
    private sealed record Sizes(int Items, int Frames, int Width, int InnerWidth, int Kernel)
    {
        public int Rows => Items * Frames;

        /// <summary>Gradients that are sums over frames, for one item: taps, their bias, scale, shift, both biases, gamma.</summary>
        public long[] SumLengths => [(long)Kernel * Width, Width, Width, Width, InnerWidth, Width, Width];

        public static Sizes Of(IReadOnlyList<Tensor> p) => new((int)p[X].shape[0], (int)p[X].shape[1], (int)p[X].shape[2], (int)p[W1].shape[0], (int)p[Taps].shape[^1]);
    }

    public override string Name => nameof(ConvNeXtFunction);

    /// <summary>Whether the kernels apply: float32 on a CPU with fused multiply-adds, whole panels, and somebody who wants gradients.</summary>
    /// <param name="x_BTC">Input of the block.</param>
    /// <param name="inner">Width of its inner layer.</param>
    public static bool Fits(Tensor x_BTC, long inner)
        => VectorMath.HasFused && is_grad_enabled()
            && x_BTC.device_type == DeviceType.CPU && x_BTC.dtype == ScalarType.Float32
            && x_BTC.shape[2] % MatrixProduct.Panel == 0 && inner % MatrixProduct.Panel == 0;

    protected override Tensor Forward(autograd.AutogradContext context, object[] inputs)
    {
        using var mode = no_grad();
        var p = inputs.Cast<Tensor>().ToList();
        p[X] = p[X].contiguous();
        var s = Sizes.Of(p);
        p.AddRange([empty(s.Rows, s.Width), empty(s.Rows), empty(s.Rows, s.Width), empty(s.Rows, s.InnerWidth), empty(s.Rows, s.InnerWidth), empty(s.Rows, s.Width)]);
        var output_BTC = empty_like(p[X]);
        using Tensor taps_JC = p[Taps].view(s.Width, s.Kernel).t().contiguous(), packed = empty((long)s.Width * s.InnerWidth);
        var at = p.Select(t => (nint)ChannelPattern.Pointer(t)).ToArray();
        float* At(int which, long offset = 0) => (float*)at[which] + offset;
        float* taps = ChannelPattern.Pointer(taps_JC), panels = ChannelPattern.Pointer(packed), output = ChannelPattern.Pointer(output_BTC);
        RowBlocks.Run(s.Items, s.Frames * s.Width * 20L, (first, last) =>
        {
            for (var (i, row) = (first, first * s.Frames); i < last; i++, row += s.Frames)
                ConvNeXtGradients.Forward(At(X, row * s.Width), s.Frames, s.Width, s.Kernel, taps, At(TapBias), At(Scale), At(Shift),
                    At(Centred, row * s.Width), At(Factor, row), At(Normed, row * s.Width));
        });
        var reduced = TrainingPrecision.Reduced;
        MatrixProduct.PackTransposed(At(W1), s.Width, s.InnerWidth, panels, reduced);
        MatrixProduct.Run(At(Normed), s.Rows, s.Width, panels, s.InnerWidth, At(B1), new GeluSlopeSink(At(Active), At(Slope), s.InnerWidth), reduced);
        MatrixProduct.PackTransposed(At(W2), s.InnerWidth, s.Width, panels, reduced);
        MatrixProduct.Run(At(Active), s.Rows, s.InnerWidth, panels, s.Width, At(B2), new AroundSink(At(X), At(Inner), output, At(Gamma), s.Width), reduced);
        context.save_for_backward(p);
        return output_BTC;
    }

    protected override List<Tensor> Backward(autograd.AutogradContext context, Tensor gradient_BTC)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var p = context.get_saved_variables();
        var s = Sizes.Of(p);
        var at = p.Select(t => (nint)ChannelPattern.Pointer(t)).ToArray();
        float* At(int which, long offset = 0) => (float*)at[which] + offset;
        var around_BTC = gradient_BTC.contiguous();
        Tensor x_BTC = empty_like(p[X]), w1 = empty_like(p[W1]), w2 = empty_like(p[W2]), sums_BN = zeros(s.Items, s.SumLengths.Sum());
        Tensor inner_RC = empty(s.Rows, s.Width), normed_RC = empty(s.Rows, s.Width), active_RH = empty(s.Rows, s.InnerWidth);
        float* around = ChannelPattern.Pointer(around_BTC), inner = ChannelPattern.Pointer(inner_RC), normed = ChannelPattern.Pointer(normed_RC);
        float* active = ChannelPattern.Pointer(active_RH), sums = ChannelPattern.Pointer(sums_BN), x = ChannelPattern.Pointer(x_BTC);
        float* taps = ChannelPattern.Pointer(p[Taps].view(s.Width, s.Kernel).t().contiguous());
        float* Sum(long item, int which) => sums + item * s.SumLengths.Sum() + s.SumLengths.Take(which).Sum();

        RowBlocks.Run(s.Items, s.Frames * s.Width * 8L, (first, last) =>
        {
            for (var (i, at_RC) = (first, first * s.Frames * s.Width); i < last; i++, at_RC += (long)s.Frames * s.Width)
                ConvNeXtGradients.Scale(around + at_RC, At(Inner, at_RC), s.Frames, s.Width, At(Gamma), inner + at_RC, Sum(i, 6), Sum(i, 5));
        });
        Products(s, At(Active), At(Slope), At(Normed), At(W1), At(W2), inner, active, normed, ChannelPattern.Pointer(w1), ChannelPattern.Pointer(w2));
        RowBlocks.Run(s.Items, s.Frames * s.Width * 40L, (first, last) =>
        {
            for (var (i, row) = (first, first * s.Frames); i < last; i++, row += s.Frames)
            {
                var at_RC = row * s.Width;
                ConvNeXtGradients.SumRows(active + row * s.InnerWidth, s.Frames, s.InnerWidth, Sum(i, 4));
                ConvNeXtGradients.Norm(normed + at_RC, s.Frames, s.Width, At(Centred, at_RC), At(Factor, row), At(Scale), Sum(i, 2), Sum(i, 3));
                ConvNeXtGradients.Convolution(normed + at_RC, At(X, at_RC), s.Frames, s.Width, s.Kernel, taps, around + at_RC, x + at_RC, Sum(i, 0), Sum(i, 1));
            }
        });
        var sum = sums_BN.sum([0L]).split(s.SumLengths);
        var tapGradient = sum[0].view(s.Kernel, s.Width).t().reshape(p[Taps].shape);
        return [.. new[] { x_BTC, tapGradient, sum[1], sum[2], sum[3], w1, sum[4], w2, sum[5], sum[6] }.Select(t => t.MoveToOuterDisposeScope())];
    }

    /// <summary>The four matrix products of the backward pass.</summary>
    private static void Products(Sizes s, float* active, float* slope, float* normed, float* w1, float* w2,
        float* innerGradient, float* activeGradient, float* normedGradient, float* w1Gradient, float* w2Gradient)
    {
        var reduced = TrainingPrecision.Reduced;
        using Tensor packed = empty((long)Math.Max(s.Rows, s.Width) * s.InnerWidth), none = zeros(s.InnerWidth + s.Width);
        float* panels = ChannelPattern.Pointer(packed), zero = ChannelPattern.Pointer(none);
        MatrixProduct.Pack(active, s.Rows, s.InnerWidth, panels, reduced);
        MatrixProduct.RunTransposed(innerGradient, s.Width, s.Rows, panels, s.InnerWidth, zero, new StoreSink(w2Gradient, s.InnerWidth), reduced);
        MatrixProduct.Pack(w2, s.Width, s.InnerWidth, panels, reduced);
        MatrixProduct.Run(innerGradient, s.Rows, s.Width, panels, s.InnerWidth, zero, new TimesSink(slope, activeGradient, s.InnerWidth), reduced);
        MatrixProduct.Pack(normed, s.Rows, s.Width, panels, reduced);
        MatrixProduct.RunTransposed(activeGradient, s.InnerWidth, s.Rows, panels, s.Width, zero, new StoreSink(w1Gradient, s.Width), reduced);
        MatrixProduct.Pack(w1, s.InnerWidth, s.Width, panels, reduced);
        MatrixProduct.Run(activeGradient, s.Rows, s.InnerWidth, panels, s.Width, zero, new StoreSink(normedGradient, s.Width), reduced);
    }
}
