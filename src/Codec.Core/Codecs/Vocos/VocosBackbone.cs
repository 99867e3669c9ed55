using Codec.Core.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Codecs.Vocos;

/// <summary>Features to hidden states at the frame rate. Keys: embed, pos_net, norm, convnext.N, final_layer_norm.</summary>
public sealed class VocosBackbone : nn.Module
{
    private const double Epsilon = 1e-6;

    private readonly PackedConv1d embed;
    private readonly nn.Module norm;
    private readonly ModuleList<ConvNextBlock> convnext;
    private readonly LayerNorm final_layer_norm;
    private readonly ModuleList<nn.Module<Tensor, Tensor>>? pos_net;

    public VocosBackbone(VocosBackboneConfig config) : base(nameof(VocosBackbone))
    {
        config.Validate();
        embed = new PackedConv1d(config.InputChannels, config.Dim, 7, padding: 3) { OwnKernel = false };
        if (config.PositionNet)
            pos_net = new ModuleList<nn.Module<Tensor, Tensor>>(new PositionResnet(config.Dim), new PositionResnet(config.Dim),
                new PositionAttention(config.Dim), new PositionResnet(config.Dim), new PositionResnet(config.Dim), GroupNorms.Create(PositionResnet.Groups, config.Dim, Epsilon));
        GroupWidth = config.PositionNet ? config.Dim / PositionResnet.Groups : config.Dim;
        norm = Norm(config);
        convnext = new ModuleList<ConvNextBlock>([.. Enumerable.Range(0, config.Layers).Select(_ => new ConvNextBlock(config))]);
        final_layer_norm = nn.LayerNorm(config.Dim, Epsilon);
        RegisterComponents();
    }

    /// <summary>Channels of a frame that a group norm of the position net sees together; without one all of them.</summary>
    internal int GroupWidth { get; }

    /// <param name="features_BCT">[B, InputChannels, T].</param>
    /// <param name="bandwidth">Row of the adaptive norms.</param>
    /// <param name="observe">Sees module path and output of every layer; null for nobody.</param>
    /// <returns>[B, T, Dim].</returns>
    public Tensor Run(Tensor features_BCT, int bandwidth = 0, Action<string, Tensor>? observe = null)
    {
        using var scope = NewDisposeScope();
        var x_BCT = embed.forward(features_BCT);
        observe?.Invoke("embed", x_BCT);
        for (var i = 0; pos_net is not null && i < pos_net.Count; i++)
        {
            x_BCT = pos_net[i].forward(x_BCT);
            observe?.Invoke($"pos_net.{i}", x_BCT);
        }
        var normed_BTC = Apply(norm, x_BCT.transpose(1, 2), bandwidth);
        observe?.Invoke("norm", normed_BTC);
        x_BCT = normed_BTC.transpose(1, 2);
        for (var i = 0; i < convnext.Count; i++)
        {
            var next = convnext[i].Run(x_BCT, bandwidth);
            x_BCT.Dispose();
            x_BCT = next;
            observe?.Invoke($"convnext.{i}", x_BCT);
        }
        var y_BTC = final_layer_norm.forward(x_BCT.transpose(1, 2));
        observe?.Invoke("final_layer_norm", y_BTC);
        return y_BTC.MoveToOuterDisposeScope();
    }

    internal static nn.Module Norm(VocosBackboneConfig config)
        => config.AdaNormEmbeddings is { } rows ? new AdaptiveLayerNorm(rows, config.Dim) : nn.LayerNorm(config.Dim, Epsilon);

    internal static Tensor Apply(nn.Module norm, Tensor x_BTC, int bandwidth)
        => norm is AdaptiveLayerNorm adaptive ? adaptive.Run(x_BTC, bandwidth) : ((LayerNorm)norm).forward(x_BTC);

    /// <summary>Layer norm whose scale and shift depend on the bandwidth. Keys: scale.weight, shift.weight.</summary>
    private sealed class AdaptiveLayerNorm : nn.Module
    {
        private readonly Embedding scale, shift;
        private readonly int _dim;

        public AdaptiveLayerNorm(int rows, int dim) : base(nameof(AdaptiveLayerNorm))
        {
            _dim = dim;
            scale = nn.Embedding(rows, dim);
            shift = nn.Embedding(rows, dim);
            using var none = no_grad();
            scale.weight!.fill_(1);
            shift.weight!.fill_(0);
            RegisterComponents();
        }

        public Tensor Run(Tensor x_BTC, int bandwidth)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(bandwidth, scale.weight!.shape[0]);
            // Row by row, the affine parameters of an ordinary layer norm.
            return F.layer_norm(x_BTC, [_dim], scale.weight![bandwidth], shift.weight![bandwidth], Epsilon);
        }
    }
}

/// <summary>ConvNeXt block (Liu et al. 2022) in one dimension. Keys: dwconv, norm, pwconv1, pwconv2, gamma.</summary>
public sealed class ConvNextBlock : nn.Module
{
    private readonly Parameter gamma;
    private readonly PackedConv1d dwconv;
    private readonly nn.Module norm;
    private readonly Linear pwconv1, pwconv2;

    public ConvNextBlock(VocosBackboneConfig config) : base(nameof(ConvNextBlock))
    {
        gamma = new Parameter(full([config.Dim], 1.0 / Math.Max(1, config.Layers)));
        dwconv = new PackedConv1d(config.Dim, config.Dim, 7, padding: 3, groups: config.Dim);
        norm = VocosBackbone.Norm(config);
        pwconv1 = nn.Linear(config.Dim, config.IntermediateDim);
        pwconv2 = nn.Linear(config.IntermediateDim, config.Dim);
        RegisterComponents();
    }

    /// <param name="x_BCT">Features.</param>
    /// <param name="bandwidth">Row of an adaptive norm.</param>
    /// <returns>Same shape, channels-last.</returns>
    public Tensor Run(Tensor x_BCT, int bandwidth)
    {
        using var scope = NewDisposeScope();
        var y_BTC = VocosBackbone.Apply(norm, dwconv.forward(x_BCT).transpose(1, 2), bandwidth);
        y_BTC = pwconv2.forward(F.gelu(pwconv1.forward(y_BTC)));
        return (x_BCT.transpose(1, 2) + gamma * y_BTC).transpose(1, 2).MoveToOuterDisposeScope();
    }
}
