using Codec.Core.Layers;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Snac;

/// <summary>Adds noise whose level the features decide: x + n linear(x). Key: linear.</summary>
public sealed class NoiseBlock : nn.Module<Tensor, Tensor>
{
    private readonly PackedConv1d linear;

    public NoiseBlock(int channels) : base(nameof(NoiseBlock))
    {
        linear = new PackedConv1d(channels, channels, 1, hasBias: false);
        RegisterComponents();
    }

    /// <summary>Without noise: x itself.</summary>
    public override Tensor forward(Tensor x_BCT) => x_BCT.alias();

    /// <param name="x_BCT">Features.</param>
    /// <param name="noise_B1T">Standard normal, shared by the channels.</param>
    public Tensor Add(Tensor x_BCT, Tensor noise_B1T)
    {
        using var scope = NewDisposeScope();
        return x_BCT.addcmul(linear.forward(x_BCT), noise_B1T.to(x_BCT.dtype), 1).MoveToOuterDisposeScope();
    }
}
