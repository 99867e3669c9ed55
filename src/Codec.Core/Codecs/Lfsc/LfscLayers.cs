using Codec.Core.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Codecs.Lfsc;

/// <summary>Convolution with mirrored ends: as many frames as the stride leaves. Key: conv.</summary>
public sealed class MirroredConv1d : nn.Module<Tensor, Tensor>
{
    private readonly PackedConv1d conv;
    private readonly ConvPadding _padding;

    public MirroredConv1d(int input, int output, int kernel, int stride = 1, int dilation = 1) : base(nameof(MirroredConv1d))
    {
        _padding = new ConvPadding((kernel - 1) * dilation + 1, stride, Causal: false, PadMode.Reflect);
        conv = new PackedConv1d(input, output, kernel, stride, dilation: dilation);
        RegisterComponents();
    }

    /// <param name="x_BCT">[B, I, T].</param>
    /// <returns>[B, O, ceil(T / stride)].</returns>
    public override Tensor forward(Tensor x_BCT)
    {
        using var scope = NewDisposeScope();
        return conv.forward(_padding.Apply(x_BCT)).MoveToOuterDisposeScope();
    }
}

/// <summary>Transposed convolution of twice the stride's kernel, trimmed to T x stride. Key: conv.</summary>
public sealed class UpsamplingConv1d : nn.Module<Tensor, Tensor>
{
    private readonly PackedConvTranspose1d conv;

    public UpsamplingConv1d(int input, int output, int stride) : base(nameof(UpsamplingConv1d))
    {
        conv = new PackedConvTranspose1d(input, output, 2 * stride, stride, (stride + 1) / 2, stride % 2);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BCT) => conv.forward(x_BCT);
}

/// <summary>The chosen activation. Key: activation.alpha, for Snake only.</summary>
public sealed class LfscActivationLayer : nn.Module<Tensor, Tensor>
{
    private const double Slope = 0.01;

    private readonly Snake? activation;
    private readonly bool _elu;

    public LfscActivationLayer(LfscActivation kind, int channels) : base(nameof(LfscActivationLayer))
    {
        _elu = kind == LfscActivation.Elu;
        activation = kind == LfscActivation.Snake ? new Snake(channels) : null;
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BCT) => activation is not null ? activation.forward(x_BCT) : _elu ? F.elu(x_BCT, 1) : F.leaky_relu(x_BCT, Slope);
}

/// <summary>x + conv(act(conv(act(x)))), the first convolution dilated. Keys: input_activation, skip_activation, input_conv, skip_conv.</summary>
public sealed class LfscResidual : nn.Module<Tensor, Tensor>
{
    private readonly LfscActivationLayer input_activation, skip_activation;
    private readonly MirroredConv1d input_conv, skip_conv;

    public LfscResidual(int channels, int kernel, int dilation, LfscActivation kind) : base(nameof(LfscResidual))
    {
        (input_activation, skip_activation) = (new(kind, channels), new(kind, channels));
        input_conv = new MirroredConv1d(channels, channels, kernel, dilation: dilation);
        skip_conv = new MirroredConv1d(channels, channels, kernel);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BCT)
    {
        using var scope = NewDisposeScope();
        var step = Chain.Run(x_BCT, [input_activation.forward, input_conv.forward, skip_activation.forward, skip_conv.forward]);
        return (x_BCT + step).MoveToOuterDisposeScope();
    }
}

/// <summary>A chain of residual units, one per dilation. Keys: res_blocks.N.</summary>
public sealed class LfscResidualChain : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<LfscResidual> res_blocks;

    public LfscResidualChain(int channels, int kernel, IReadOnlyList<int> dilations, LfscActivation kind) : base(nameof(LfscResidualChain))
    {
        res_blocks = new ModuleList<LfscResidual>([.. dilations.Select(d => new LfscResidual(channels, kernel, d, kind))]);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BCT) => Chain.Run(x_BCT, res_blocks.Select(block => (Func<Tensor, Tensor>)block.forward));
}

/// <summary>The mean of chains of different kernels (Kong et al. 2020, HiFi-GAN). Keys: res_blocks.N.</summary>
public sealed class LfscResidualLayer : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<LfscResidualChain> res_blocks;

    public LfscResidualLayer(LfscConfig config, int channels, IReadOnlyList<int> dilations) : base(nameof(LfscResidualLayer))
    {
        res_blocks = new ModuleList<LfscResidualChain>([.. config.BlockKernels.Select(k => new LfscResidualChain(channels, k, dilations, config.Activation))]);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BCT)
    {
        using var scope = NewDisposeScope();
        var sum = res_blocks[0].forward(x_BCT);
        foreach (var block in res_blocks.Skip(1))
        {
            using var part = block.forward(x_BCT);
            sum.add_(part);
        }
        return sum.div_(res_blocks.Count).MoveToOuterDisposeScope();
    }
}
