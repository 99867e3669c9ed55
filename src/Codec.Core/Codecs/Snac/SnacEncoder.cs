using Codec.Core.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Snac;

/// <summary>Waveform to latent. Keys: block.N.</summary>
public sealed class SnacEncoder : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<nn.Module<Tensor, Tensor>> block;

    public SnacEncoder(SnacConfig config) : base(nameof(SnacEncoder))
    {
        block = new ModuleList<nn.Module<Tensor, Tensor>>(new PackedConv1d(1, config.EncoderDim, 7, padding: 3));
        var channels = config.EncoderDim;
        foreach (var stride in config.EncoderRates)
            block.Add(new SnacEncoderBlock(channels *= 2, stride, config.Depthwise));
        if (config.AttentionWindow is { } window)
            block.Add(new LocalAttention(channels, window));
        block.Add(new PackedConv1d(channels, channels, 7, padding: 3, groups: config.Depthwise ? channels : 1));
        RegisterComponents();
    }

    /// <param name="audio_B1S">[B, 1, S]; S a multiple of hop and <see cref="SnacConfig.FrameMultiple"/>.</param>
    /// <returns>[B, D, T].</returns>
    public override Tensor forward(Tensor audio_B1S) => Chain.Run(audio_B1S, block);
}

/// <summary>Three residual units and a strided convolution that doubles the channels. Keys: block.0 to block.4.</summary>
public sealed class SnacEncoderBlock : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<nn.Module<Tensor, Tensor>> block;

    public SnacEncoderBlock(int channels, int stride, bool depthwise) : base(nameof(SnacEncoderBlock))
    {
        var inner = channels / 2;
        var groups = depthwise ? inner : 1;
        block = new ModuleList<nn.Module<Tensor, Tensor>>(
            new SnakeUnit(inner, 1, groups),
            new SnakeUnit(inner, 3, groups),
            new SnakeUnit(inner, 9, groups),
            new Snake(inner),
            new PackedConv1d(inner, channels, 2 * stride, stride, (stride + 1) / 2));
        RegisterComponents();
    }

    /// <param name="x_BCT">Features; overwritten in inference.</param>
    public override Tensor forward(Tensor x_BCT)
        => Chain.Run(x_BCT, block.Select(SnacSteps.InPlace));
}
