using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Speech.Lm;

/// <summary>linear_out(act(linear_in(x))), gated or not.</summary>
public sealed class FeedForward : nn.Module<Tensor, Tensor>
{
    private readonly Projection linear_in, linear_out;
    private readonly Activation _activation;

    public FeedForward(TransformerConfig config) : base(nameof(FeedForward))
    {
        _activation = config.Activation;
        linear_in = new Projection(config.Dim, _activation == Activation.GatedSilu ? 2 * config.Hidden : config.Hidden, config.FeedForwardBias);
        linear_out = new Projection(config.Hidden, config.Dim, config.FeedForwardBias);
        RegisterComponents();
    }

    /// <param name="x_BSD">Features.</param>
    /// <returns>Same shape.</returns>
    public override Tensor forward(Tensor x_BSD)
    {
        using var scope = NewDisposeScope();
        var hidden = linear_in.forward(x_BSD);
        var width = hidden.shape[^1] / 2;
        var activated = _activation switch
        {
            Activation.GatedSilu => F.silu(hidden.narrow(-1, 0, width)).mul_(hidden.narrow(-1, width, width)),
            Activation.Relu => F.relu(hidden),
            _ => F.gelu(hidden),
        };
        return linear_out.forward(activated).MoveToOuterDisposeScope();
    }
}
