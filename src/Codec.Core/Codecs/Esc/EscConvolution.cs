using Codec.Core.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Esc;

/// <summary>Convolution over rows and columns that keeps the columns and keeps, halves or doubles the rows. Key: conv.</summary>
public sealed class EscConvolution : nn.Module<Tensor, Tensor>
{
    private readonly nn.Module<Tensor, Tensor> conv;
    private readonly RowScale _scale;

    public EscConvolution(int input, int output, IReadOnlyList<int> kernel, RowScale scale) : base(nameof(EscConvolution))
    {
        _scale = scale;
        var (size, stride) = (((long)kernel[0], (long)kernel[1]), (scale == RowScale.None ? 1L : 2L, 1L));
        conv = scale == RowScale.Up
            ? nn.ConvTranspose2d(input, output, size, stride, (1L, 0L))
            : nn.Conv2d(input, output, size, stride, (2L, 1L));
        RegisterComponents();
    }

    /// <param name="x_BCHW">Features.</param>
    public override Tensor forward(Tensor x_BCHW)
    {
        using var scope = NewDisposeScope();
        var (height, width) = (x_BCHW.shape[2], x_BCHW.shape[3]);
        var rows = _scale switch { RowScale.Up => 2 * height, RowScale.Down => height / 2, _ => height };
        var y = conv.forward(x_BCHW);
        return y.narrow(2, 0, Math.Min(rows, y.shape[2])).narrow(3, 0, Math.Min(width, y.shape[3])).MoveToOuterDisposeScope();
    }
}

/// <summary>The same on [B, H, W, C], alone in its layer. Key: conv.</summary>
public sealed class EscPlainConvolution : nn.Module<Tensor, Tensor>
{
    private readonly nn.Module<Tensor, Tensor> conv;

    public EscPlainConvolution(EscConfig config, int channels) : base(nameof(EscPlainConvolution))
    {
        conv = nn.Conv2d(channels, channels, (config.Kernel[0], config.Kernel[1]), (1L, 1L), (2L, 1L));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BHWC)
    {
        using var scope = NewDisposeScope();
        var y = conv.forward(x_BHWC.permute(0, 3, 1, 2)).narrow(2, 0, x_BHWC.shape[1]).narrow(3, 0, x_BHWC.shape[2]);
        return y.permute(0, 2, 3, 1).MoveToOuterDisposeScope();
    }
}

/// <summary>Residual units, then a change of scale, on [B, H, W, C]. Keys: blocks.N.</summary>
public sealed class EscConvolutionLayer : nn.Module<Tensor, Tensor>
{
    private static readonly int[] UnitKernel = [5, 2];
    private readonly ModuleList<nn.Module<Tensor, Tensor>> blocks;

    public EscConvolutionLayer(EscConfig config, int input, int output, RowScale scale) : base(nameof(EscConvolutionLayer))
    {
        blocks = new ModuleList<nn.Module<Tensor, Tensor>>([
            .. Enumerable.Range(0, config.ConvolutionDepth).Select(_ => new Residual(input)),
            new EscConvolution(input, output, config.Kernel, scale), nn.BatchNorm2d(output), nn.PReLU(1)]);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x_BHWC)
    {
        using var scope = NewDisposeScope();
        var y_BCHW = Chain.Run(x_BHWC.permute(0, 3, 1, 2), blocks.Select(block => (Func<Tensor, Tensor>)block.forward));
        return y_BCHW.permute(0, 2, 3, 1).MoveToOuterDisposeScope();
    }

    /// <summary>x + two convolutions with norm and slope. Keys: block.N.</summary>
    private sealed class Residual : nn.Module<Tensor, Tensor>
    {
        private readonly ModuleList<nn.Module<Tensor, Tensor>> block;

        public Residual(int channels) : base(nameof(Residual))
        {
            block = new ModuleList<nn.Module<Tensor, Tensor>>(
                new EscConvolution(channels, channels, UnitKernel, RowScale.None), nn.BatchNorm2d(channels), nn.PReLU(1),
                new EscConvolution(channels, channels, UnitKernel, RowScale.None), nn.BatchNorm2d(channels), nn.PReLU(1));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x_BCHW)
        {
            using var scope = NewDisposeScope();
            return (x_BCHW + Chain.Run(x_BCHW, block.Select(step => (Func<Tensor, Tensor>)step.forward))).MoveToOuterDisposeScope();
        }
    }
}
