using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Layers;

/// <summary>Causal ConvNeXt block in one dimension (Liu et al. 2022): x + gamma * pwconv2(gelu(pwconv1(norm(dwconv(x))))).</summary>
public sealed class ConvNeXtBlock : nn.Module<Tensor, StreamState?, Tensor>
{
    private readonly CausalDepthwiseConv1d dwconv;
    private readonly LayerNorm norm;
    private readonly Linear pwconv1, pwconv2;
    private readonly Parameter gamma;

    /// <param name="width">C.</param>
    /// <param name="inner">Width between the two pointwise layers.</param>
    /// <param name="kernel">Frames seen by the depthwise convolution.</param>
    /// <param name="scale">Start value of gamma: small, so that a deep stack starts near the identity.</param>
    public ConvNeXtBlock(int width, int inner, int kernel, double scale) : base(nameof(ConvNeXtBlock))
    {
        dwconv = new CausalDepthwiseConv1d(width, kernel);
        norm = nn.LayerNorm(width);
        pwconv1 = nn.Linear(width, inner);
        pwconv2 = nn.Linear(inner, width);
        gamma = new Parameter(full(width, scale));
        RegisterComponents();
    }

    /// <param name="x_BTC">[B, T, C].</param>
    /// <param name="state">Stream memory; null = offline.</param>
    /// <returns>Same shape.</returns>
    public override Tensor forward(Tensor x_BTC, StreamState? state)
    {
        using var scope = NewDisposeScope();
        if (state is null && training && ConvNeXtFunction.Fits(x_BTC, pwconv1.out_features))
            return ConvNeXtFunction.apply(x_BTC, dwconv.Weight, dwconv.Bias, norm.weight!, norm.bias!, pwconv1.weight!, pwconv1.bias!, pwconv2.weight!, pwconv2.bias!, gamma)
                .MoveToOuterDisposeScope();
        var y_BTC = norm.forward(dwconv.forward(x_BTC, state));
        y_BTC = pwconv2.forward(F.gelu(pwconv1.forward(y_BTC)));
        return torch.addcmul(x_BTC, gamma, y_BTC, 1.0).MoveToOuterDisposeScope();
    }
}
