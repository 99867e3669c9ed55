using Codec.Core.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Codecs.HifiCodec;

/// <summary>
/// Residual block of HiFi-GAN (Kong et al. 2020): per dilation x + conv(lrelu(x)), or with a second convolution behind it.
/// Keys: convs1.N and convs2.N, or convs.N.
/// </summary>
public sealed class HifiBlock : nn.Module<Tensor, Tensor>
{
    internal const double Slope = 0.1;

    private readonly ModuleList<PackedConv1d>? convs1, convs2, convs;

    public HifiBlock(int channels, int kernel, IReadOnlyList<int> dilations, bool doubled) : base(nameof(HifiBlock))
    {
        ModuleList<PackedConv1d> Convs(Func<int, int> dilation) => new([.. dilations.Select(d =>
            new PackedConv1d(channels, channels, kernel, padding: dilation(d) * (kernel - 1) / 2, dilation: dilation(d)))]);
        if (doubled)
            (convs1, convs2) = (Convs(d => d), Convs(_ => 1));
        else
            convs = Convs(d => d);
        RegisterComponents();
    }

    /// <param name="x_BCT">Features.</param>
    public override Tensor forward(Tensor x_BCT)
    {
        using var scope = NewDisposeScope();
        var y_BCT = x_BCT;
        for (var i = 0; i < (convs1 ?? convs!).Count; i++)
        {
            var step = (convs1 ?? convs!)[i].forward(F.leaky_relu(y_BCT, Slope));
            if (convs2 is not null)
                step = convs2[i].forward(F.leaky_relu(step, Slope));
            y_BCT = y_BCT + step;
        }
        return y_BCT.MoveToOuterDisposeScope();
    }
}
