using Codec.Core.Kernels;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Layers;

/// <summary>
/// A linear layer as one node of the graph with its gradient written out, for training on a CPU: its three products on own kernels, which take
/// all threads and, where asked for, bfloat16 (<see cref="TrainingPrecision"/>). libtorch's product of these sizes does neither.
/// </summary>
internal sealed unsafe class LinearFunction : GuardedFunction<LinearFunction>
{
    private const int X = 0, Weight = 1, Bias = 2;

    public override string Name => nameof(LinearFunction);

    /// <summary>What <see cref="Linear.forward"/> gives, by the kernels where they apply: float32 on a CPU with fused multiply-adds, and somebody who wants gradients.</summary>
    /// <param name="layer">[N, K], with or without bias.</param>
    /// <param name="x_K">[..., K].</param>
    /// <param name="training">Of the module that the layer is part of.</param>
    public static Tensor Forward(Linear layer, Tensor x_K, bool training)
    {
        if (!training || !VectorMath.HasFused || !is_grad_enabled() || x_K.device_type != DeviceType.CPU || x_K.dtype != ScalarType.Float32)
            return layer.forward(x_K);
        using var scope = NewDisposeScope();
        var bias = layer.bias is { } own ? (Tensor)own : zeros(layer.out_features);
        return apply(x_K.reshape(-1, layer.in_features), layer.weight!, bias).view([.. x_K.shape[..^1], layer.out_features]).MoveToOuterDisposeScope();
    }

    protected override Tensor Forward(autograd.AutogradContext context, object[] inputs)
    {
        using var mode = no_grad();
        var p = inputs.Cast<Tensor>().ToList();
        p[X] = p[X].contiguous();
        var (rows, taps, columns) = Sizes(p);
        var output_RN = empty(rows, columns);
        using var scope = NewDisposeScope();
        var reduced = TrainingPrecision.Reduced;
        Tensor weight_NK = Wide(p[Weight], 0), bias_N = Wide(p[Bias], 0), panels = empty(weight_NK.numel() + MatrixProduct.Panel);
        MatrixProduct.PackTransposed(ChannelPattern.Pointer(weight_NK), taps, (int)weight_NK.shape[0], ChannelPattern.Pointer(panels), reduced);
        MatrixProduct.Run(ChannelPattern.Pointer(p[X]), rows, taps, ChannelPattern.Pointer(panels), (int)weight_NK.shape[0], ChannelPattern.Pointer(bias_N),
            new CutSink(ChannelPattern.Pointer(output_RN), columns), reduced);
        context.save_for_backward(p);
        return output_RN;
    }

    protected override List<Tensor> Backward(autograd.AutogradContext context, Tensor gradient_RN)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var p = context.get_saved_variables();
        var (rows, taps, columns) = Sizes(p);
        var reduced = TrainingPrecision.Reduced;
        Tensor slope_RN = gradient_RN.contiguous(), x_RK = Wide(p[X], 1), weight_NK = Wide(p[Weight], 1);
        var wide = (int)x_RK.shape[1];
        Tensor panels = empty((Math.Max(rows, columns) + 1L) * wide), none = zeros(wide);
        Tensor input = empty(rows, taps), weight = empty(columns, taps);
        if (p[X].requires_grad)
        {
            MatrixProduct.Pack(ChannelPattern.Pointer(weight_NK), columns, wide, ChannelPattern.Pointer(panels), reduced);
            MatrixProduct.Run(ChannelPattern.Pointer(slope_RN), rows, columns, ChannelPattern.Pointer(panels), wide, ChannelPattern.Pointer(none), new CutSink(ChannelPattern.Pointer(input), taps), reduced);
        }
        if (p[Weight].requires_grad)
        {
            MatrixProduct.Pack(ChannelPattern.Pointer(x_RK), rows, wide, ChannelPattern.Pointer(panels), reduced);
            MatrixProduct.RunTransposed(ChannelPattern.Pointer(slope_RN), columns, rows, ChannelPattern.Pointer(panels), wide, ChannelPattern.Pointer(none), new CutSink(ChannelPattern.Pointer(weight), taps), reduced);
        }
        return [.. new[] { input, weight, slope_RN.sum([0L]) }.Select(t => t.MoveToOuterDisposeScope())];
    }

    private static (int Rows, int Taps, int Columns) Sizes(IReadOnlyList<Tensor> p) => ((int)p[X].shape[0], (int)p[X].shape[1], (int)p[Weight].shape[0]);

    /// <summary>The same with zeros behind, so that a dimension is whole panels.</summary>
    private static Tensor Wide(Tensor x, int dimension)
    {
        var missing = (MatrixProduct.Panel - x.shape[dimension] % MatrixProduct.Panel) % MatrixProduct.Panel;
        if (missing == 0)
            return x.contiguous();
        return x.dim() == 1 ? nn.functional.pad(x, [0, missing]) : nn.functional.pad(x, dimension == 0 ? [0, 0, 0, missing] : [0, missing, 0, 0]);
    }
}
