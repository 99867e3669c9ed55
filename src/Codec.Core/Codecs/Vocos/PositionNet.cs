using Codec.Core.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Codecs.Vocos;

/// <summary>Residual block of the position net: x + conv2(swish(norm2(conv1(swish(norm1(x)))))).</summary>
public sealed class PositionResnet : nn.Module<Tensor, Tensor>
{
    internal const int Groups = 32;

    private readonly GroupNorm norm1, norm2;
    private readonly PackedConv1d conv1, conv2;

    public PositionResnet(int channels) : base(nameof(PositionResnet))
    {
        norm1 = GroupNorms.Create(Groups, channels, 1e-6);
        conv1 = new PackedConv1d(channels, channels, 3, padding: 1) { OwnKernel = false };
        norm2 = GroupNorms.Create(Groups, channels, 1e-6);
        conv2 = new PackedConv1d(channels, channels, 3, padding: 1) { OwnKernel = false };
        RegisterComponents();
    }

    /// <param name="x_BCT">Features.</param>
    public override Tensor forward(Tensor x_BCT)
    {
        using var scope = NewDisposeScope();
        var y_BCT = conv1.forward(F.silu(norm1.forward(x_BCT)));
        return (x_BCT + conv2.forward(F.silu(norm2.forward(y_BCT)))).MoveToOuterDisposeScope();
    }
}

/// <summary>Single-head attention over all frames, with a residual. Keys: norm, q, k, v, proj_out.</summary>
public sealed class PositionAttention : nn.Module<Tensor, Tensor>
{
    private readonly GroupNorm norm;
    private readonly PackedConv1d q, k, v, proj_out;

    public PositionAttention(int channels) : base(nameof(PositionAttention))
    {
        norm = GroupNorms.Create(PositionResnet.Groups, channels, 1e-6);
        q = new PackedConv1d(channels, channels, 1) { OwnKernel = false };
        k = new PackedConv1d(channels, channels, 1) { OwnKernel = false };
        v = new PackedConv1d(channels, channels, 1) { OwnKernel = false };
        proj_out = new PackedConv1d(channels, channels, 1) { OwnKernel = false };
        RegisterComponents();
    }

    /// <param name="x_BCT">Features.</param>
    public override Tensor forward(Tensor x_BCT)
    {
        using var scope = NewDisposeScope();
        var normed = norm.forward(x_BCT);
        Tensor Heads(PackedConv1d map) => map.forward(normed).transpose(1, 2).unsqueeze(1).contiguous();
        var mixed_BTC = F.scaled_dot_product_attention(Heads(q), Heads(k), Heads(v)).squeeze(1);
        return (x_BCT + proj_out.forward(mixed_BTC.transpose(1, 2))).MoveToOuterDisposeScope();
    }
}
