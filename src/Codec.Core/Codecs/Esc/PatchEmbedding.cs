using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Core.Codecs.Esc;

/// <summary>Spectrum to patches. Keys: proj, norm (which the convolution backbone stores and does not use).</summary>
public sealed class PatchEmbedding : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d proj;
    private readonly LayerNorm norm;
    private readonly bool _normalize;

    public PatchEmbedding(EscConfig config) : base(nameof(PatchEmbedding))
    {
        _normalize = config.Backbone == EscBackbone.Transformer;
        var patch = ((long)config.PatchBins, (long)config.PatchColumns);
        proj = nn.Conv2d(2, config.Channels[0], patch, patch, (0L, 0L));
        norm = nn.LayerNorm(config.Channels[0]);
        RegisterComponents();
    }

    /// <param name="spectrum_B2FT">Real and imaginary parts; columns that fill no patch are left out.</param>
    /// <returns>[B, H, W, C].</returns>
    public override Tensor forward(Tensor spectrum_B2FT)
    {
        using var scope = NewDisposeScope();
        var x_BHWC = proj.forward(spectrum_B2FT).permute(0, 2, 3, 1).contiguous();
        return (_normalize ? norm.forward(x_BHWC) : x_BHWC).MoveToOuterDisposeScope();
    }

    /// <summary>Channels to rows and columns: [B, H, W, rows x columns x C] to [B, H rows, W columns, C].</summary>
    internal static Tensor Shuffle(Tensor x_BHWC, int rows, int columns)
    {
        using var scope = NewDisposeScope();
        var (batch, height, width, channels) = (x_BHWC.shape[0], x_BHWC.shape[1], x_BHWC.shape[2], x_BHWC.shape[3] / (rows * columns));
        return x_BHWC.reshape(batch, height, width, rows, columns, channels).permute(0, 1, 3, 2, 4, 5)
            .reshape(batch, height * rows, width * columns, channels).MoveToOuterDisposeScope();
    }
}

/// <summary>Patches to a spectrum. Keys: de_proj1, de_proj2.</summary>
public sealed class PatchReconstruction : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d de_proj1, de_proj2;
    private readonly int _rows, _columns;

    public PatchReconstruction(EscConfig config) : base(nameof(PatchReconstruction))
    {
        (_rows, _columns) = (config.PatchBins, config.PatchColumns);
        var channels = config.Channels[0];
        de_proj1 = nn.Conv2d(channels, channels * _rows * _columns, 5, padding: 2L);
        de_proj2 = nn.Conv2d(channels, 2, 3, padding: 1L);
        RegisterComponents();
    }

    /// <param name="x_BHWC">Features of the finest scale.</param>
    /// <returns>[B, 2, F, T]: real and imaginary parts.</returns>
    public override Tensor forward(Tensor x_BHWC)
    {
        using var scope = NewDisposeScope();
        var wide = PatchEmbedding.Shuffle(de_proj1.forward(x_BHWC.permute(0, 3, 1, 2)).permute(0, 2, 3, 1), _rows, _columns);
        return de_proj2.forward(wide.permute(0, 3, 1, 2)).contiguous().MoveToOuterDisposeScope();
    }
}
