using Codec.Core.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Snac;

/// <summary>Latent to waveform. Keys: model.N.</summary>
public sealed class SnacDecoder : nn.Module
{
    private readonly ModuleList<nn.Module<Tensor, Tensor>> model;

    public SnacDecoder(SnacConfig config) : base(nameof(SnacDecoder))
    {
        var (latent, channels) = (config.Latent, config.DecoderDim);
        model = new ModuleList<nn.Module<Tensor, Tensor>>();
        if (config.Depthwise)
        {
            model.Add(new PackedConv1d(latent, latent, 7, padding: 3, groups: latent));
            model.Add(new PackedConv1d(latent, channels, 1));
        }
        else
        {
            model.Add(new PackedConv1d(latent, channels, 7, padding: 3));
        }
        if (config.AttentionWindow is { } window)
            model.Add(new LocalAttention(channels, window));
        foreach (var stride in config.DecoderRates)
        {
            model.Add(new SnacDecoderBlock(channels, stride, config.Noise, config.Depthwise));
            channels /= 2;
        }
        model.Add(new Snake(channels));
        model.Add(new PackedConv1d(channels, 1, 7, padding: 3));
        model.Add(nn.Tanh());
        RegisterComponents();
    }

    /// <param name="latent_BDT">[B, D, T].</param>
    /// <param name="noise">Noise [1 or B, 1, samples] of a decoder block and its length; null = none.</param>
    /// <returns>[B, 1, T x hop] in [-1, 1].</returns>
    public Tensor Run(Tensor latent_BDT, Func<int, int, Tensor>? noise)
    {
        var blocks = 0;
        return Chain.Run(latent_BDT, model.Select(m => m switch
        {
            Snake snake => snake.ForwardInPlace,
            SnacDecoderBlock part => Block(part, blocks++, noise),
            _ => (Func<Tensor, Tensor>)m.forward,
        }));
    }

    private static Func<Tensor, Tensor> Block(SnacDecoderBlock part, int index, Func<int, int, Tensor>? noise)
        => x => part.Run(x, noise is null ? null : length => noise(index, length));
}

/// <summary>A strided transposed convolution that halves the channels, noise, three residual units. Keys: block.N.</summary>
public sealed class SnacDecoderBlock : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<nn.Module<Tensor, Tensor>> block;

    public SnacDecoderBlock(int channels, int stride, bool noise, bool depthwise) : base(nameof(SnacDecoderBlock))
    {
        var inner = channels / 2;
        var groups = depthwise ? inner : 1;
        block = new ModuleList<nn.Module<Tensor, Tensor>>(
            new Snake(channels),
            new PackedConvTranspose1d(channels, inner, 2 * stride, stride, (stride + 1) / 2, stride % 2));
        if (noise)
            block.Add(new NoiseBlock(inner));
        foreach (var dilation in new[] { 1, 3, 9 })
            block.Add(new SnakeUnit(inner, dilation, groups));
        RegisterComponents();
    }

    /// <summary>Without noise.</summary>
    public override Tensor forward(Tensor x_BCT) => Run(x_BCT, null);

    /// <param name="x_BCT">Features; overwritten in inference.</param>
    /// <param name="noise">Noise of a length; null = none.</param>
    public Tensor Run(Tensor x_BCT, Func<int, Tensor>? noise)
        => Chain.Run(x_BCT, block.Select(m => m is NoiseBlock adder && noise is not null
            ? (Func<Tensor, Tensor>)(x => Add(adder, x, noise))
            : SnacSteps.InPlace(m)));

    private static Tensor Add(NoiseBlock adder, Tensor x_BCT, Func<int, Tensor> noise)
    {
        using var scope = NewDisposeScope();
        return adder.Add(x_BCT, noise((int)x_BCT.shape[2]).to(x_BCT.device)).MoveToOuterDisposeScope();
    }
}
