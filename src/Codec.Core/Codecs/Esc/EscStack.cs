using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Esc;

/// <summary>One side of the model: layers from scale to scale between patches and the coarsest state. Keys: patch_embed, pre_nn, blocks.N; patch_deembed, post_nn, blocks.N.</summary>
public sealed class EscStack : nn.Module
{
    private readonly PatchEmbedding? patch_embed;
    private readonly PatchReconstruction? patch_deembed;
    private readonly nn.Module<Tensor, Tensor>? pre_nn, post_nn;
    private readonly ModuleList<nn.Module<Tensor, Tensor>> blocks;

    /// <param name="config">Shape.</param>
    /// <param name="decodes">From coarse to fine instead of from fine to coarse.</param>
    public EscStack(EscConfig config, bool decodes) : base(nameof(EscStack))
    {
        nn.Module<Tensor, Tensor> plain = config.Backbone == EscBackbone.Convolution
            ? new EscPlainConvolution(config, config.Channels[0])
            : new SwinLayer(config, config.Channels[0], config.Channels[0], config.Heads[0], RowScale.None);
        if (decodes)
            (patch_deembed, post_nn) = (new PatchReconstruction(config), plain);
        else
            (patch_embed, pre_nn) = (new PatchEmbedding(config), plain);
        var scales = Enumerable.Range(0, config.Streams - 1);
        blocks = new ModuleList<nn.Module<Tensor, Tensor>>([.. (decodes ? scales.Reverse() : scales).Select(i => Layer(config, i, decodes))]);
        RegisterComponents();
    }

    /// <summary>The layer between scales i and i + 1.</summary>
    private static nn.Module<Tensor, Tensor> Layer(EscConfig config, int i, bool decodes)
    {
        var (input, output, scale) = decodes ? (config.Channels[i + 1], config.Channels[i], RowScale.Up) : (config.Channels[i], config.Channels[i + 1], RowScale.Down);
        return config.Backbone == EscBackbone.Convolution
            ? new EscConvolutionLayer(config, input, output, scale)
            : new SwinLayer(config, input, output, config.Heads[i], scale);
    }

    /// <summary>Spectrum [B, 2, F, T] to the finest state [B, H, W, C].</summary>
    public Tensor Enter(Tensor spectrum_B2FT)
    {
        using var scope = NewDisposeScope();
        return pre_nn!.forward(patch_embed!.forward(spectrum_B2FT)).MoveToOuterDisposeScope();
    }

    /// <summary>One scale further [B, H', W, C'].</summary>
    public Tensor Step(int index, Tensor x_BHWC) => blocks[index].forward(x_BHWC);

    /// <summary>The finest state to a spectrum [B, 2, F, T].</summary>
    public Tensor Leave(Tensor x_BHWC)
    {
        using var scope = NewDisposeScope();
        return patch_deembed!.forward(post_nn!.forward(x_BHWC)).MoveToOuterDisposeScope();
    }
}
