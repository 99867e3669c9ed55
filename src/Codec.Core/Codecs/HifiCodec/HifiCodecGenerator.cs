using Codec.Core.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Codecs.HifiCodec;

/// <summary>Latent to waveform: HiFi-GAN (Kong et al. 2020). Keys: conv_pre, ups.N, resblocks.N, conv_post.</summary>
public sealed class HifiCodecGenerator : nn.Module
{
    private readonly PackedConv1d conv_pre, conv_post;
    private readonly ModuleList<PackedConvTranspose1d> ups;
    private readonly ModuleList<HifiBlock> resblocks;
    private readonly int _blocks;

    public HifiCodecGenerator(HifiCodecConfig config) : base(nameof(HifiCodecGenerator))
    {
        _blocks = config.BlockKernels.Count;
        var channels = config.InitialChannels;
        conv_pre = new PackedConv1d(config.Latent, channels, 7, padding: 3);
        (ups, resblocks) = (new(), new());
        foreach (var (rate, kernel) in config.Rates.Zip(config.Kernels))
        {
            ups.Add(new PackedConvTranspose1d(channels, channels / 2, kernel, rate, (kernel - rate) / 2));
            channels /= 2;
            foreach (var (size, dilations) in config.BlockKernels.Zip(config.BlockDilations))
                resblocks.Add(new HifiBlock(channels, size, dilations, config.DoubleBlocks));
        }
        conv_post = new PackedConv1d(channels, 1, 7, padding: 3);
        RegisterComponents();
    }

    /// <param name="latent_BDT">[B, D, T].</param>
    /// <param name="observe">Sees module path and output of layers; null for nobody.</param>
    /// <returns>[B, 1, T x hop] in [-1, 1].</returns>
    public Tensor Run(Tensor latent_BDT, Action<string, Tensor>? observe = null)
    {
        using var scope = NewDisposeScope();
        var x_BCT = conv_pre.forward(latent_BDT);
        observe?.Invoke("conv_pre", x_BCT);
        for (var i = 0; i < ups.Count; i++)
        {
            using var stage = NewDisposeScope();
            x_BCT = ups[i].forward(F.leaky_relu(x_BCT, HifiBlock.Slope));
            observe?.Invoke($"ups.{i}", x_BCT);
            Tensor? sum = null;
            for (var j = i * _blocks; j < (i + 1) * _blocks; j++)
            {
                var part = resblocks[j].forward(x_BCT);
                observe?.Invoke($"resblocks.{j}", part);
                sum = sum is null ? part : sum + part;
            }
            x_BCT = (sum! / _blocks).MoveToOuterDisposeScope();
        }
        var y = conv_post.forward(F.leaky_relu(x_BCT, HifiBlock.Slope));
        observe?.Invoke("conv_post", y);
        return y.tanh().MoveToOuterDisposeScope();
    }
}
