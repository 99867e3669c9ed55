using Codec.Core.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Codecs.HifiCodec;

/// <summary>Waveform to latent: the generator mirrored. Keys: conv_pre, ups.N, resblocks.N, normalize.N, conv_post.</summary>
public sealed class HifiCodecEncoder : nn.Module
{
    private const double NormEpsilon = 1e-6, LastSlope = 0.01; // the published code leaves the last slope at its default

    private readonly PackedConv1d conv_pre, conv_post;
    private readonly ModuleList<PackedConv1d> ups;
    private readonly ModuleList<HifiBlock> resblocks;
    private readonly ModuleList<GroupNorm> normalize;
    private readonly int _blocks;

    public HifiCodecEncoder(HifiCodecConfig config) : base(nameof(HifiCodecEncoder))
    {
        _blocks = config.BlockKernels.Count;
        var channels = config.EncoderChannels;
        conv_pre = new PackedConv1d(1, channels, 7, padding: 3);
        (ups, resblocks, normalize) = (new(), new(), new());
        foreach (var (rate, kernel) in config.Rates.Zip(config.Kernels).Reverse())
        {
            ups.Add(new PackedConv1d(channels, channels * 2, kernel, rate, (kernel - rate) / 2));
            channels *= 2;
            foreach (var (size, dilations) in config.BlockKernels.Zip(config.BlockDilations).Reverse())
            {
                resblocks.Add(new HifiBlock(channels, size, dilations, config.DoubleBlocks));
                normalize.Add(GroupNorms.Create(channels / config.NormChannels, channels, NormEpsilon));
            }
        }
        conv_post = new PackedConv1d(channels, channels, 3, padding: 1);
        RegisterComponents();
    }

    /// <param name="audio_B1S">[B, 1, S].</param>
    /// <param name="observe">Sees module path and output of layers; null for nobody.</param>
    /// <returns>[B, D, T].</returns>
    public Tensor Run(Tensor audio_B1S, Action<string, Tensor>? observe = null)
    {
        using var scope = NewDisposeScope();
        var x_BCT = conv_pre.forward(audio_B1S);
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
                sum = normalize[j].forward(sum is null ? part : sum + part); // the norm acts on the running sum
                observe?.Invoke($"normalize.{j}", sum);
            }
            x_BCT = (sum! / _blocks).MoveToOuterDisposeScope();
        }
        var y_BCT = conv_post.forward(F.leaky_relu(x_BCT, LastSlope));
        observe?.Invoke("conv_post", y_BCT);
        return y_BCT.MoveToOuterDisposeScope();
    }
}
