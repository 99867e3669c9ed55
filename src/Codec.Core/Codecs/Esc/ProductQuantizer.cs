using Codec.Core.Quantizers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Core.Codecs.Esc;

/// <summary>
/// The quantizer of one scale: some columns make one vector, its parts are projected down, looked up and projected up.
/// Keys: vqs.N.embedding, down_projs.N, up_projs.N.
/// </summary>
public sealed class ProductQuantizer : nn.Module
{
    private readonly ModuleList<Codebook> vqs;
    private readonly ModuleList<Linear> down_projs, up_projs;
    private readonly int _rows, _overlap;
    private readonly int[] _widths;

    /// <param name="config">Groups and codebooks.</param>
    /// <param name="scale">0 = finest.</param>
    /// <param name="dimension">D of the entries.</param>
    public ProductQuantizer(EscConfig config, int scale, int dimension) : base(nameof(ProductQuantizer))
    {
        (_rows, _overlap) = (config.Rows >> scale, config.Overlap);
        _widths = Widths(config.VectorLength(scale) * config.Overlap, config.Groups);
        vqs = new ModuleList<Codebook>([.. _widths.Select(_ => new Codebook(config.CodebookSize, dimension, config.Normalize))]);
        down_projs = new ModuleList<Linear>([.. _widths.Select(w => nn.Linear(w, dimension, hasBias: false))]);
        up_projs = new ModuleList<Linear>([.. _widths.Select(w => nn.Linear(dimension, w, hasBias: false))]);
        RegisterComponents();
    }

    /// <summary>Equal parts; the last takes what the division leaves.</summary>
    private static int[] Widths(int total, int parts) => [.. Enumerable.Repeat(total / parts, parts - 1), total - total / parts * (parts - 1)];

    /// <param name="x_BHWC">Features; a multiple of the overlap wide.</param>
    /// <returns>int64 [B, groups, T].</returns>
    public Tensor Encode(Tensor x_BHWC)
    {
        using var scope = NewDisposeScope();
        var vectors_BTD = x_BHWC.permute(0, 2, 3, 1).reshape(x_BHWC.shape[0], x_BHWC.shape[2] / _overlap, _widths.Sum());
        var parts = vectors_BTD.split([.. _widths.Select(w => (long)w)], -1);
        return stack(parts.Select((part, g) => vqs[g].Nearest(down_projs[g].forward(part))).ToList(), 1).MoveToOuterDisposeScope();
    }

    /// <param name="codes_BGT">int64; groups that are left out decode to zero.</param>
    /// <returns>[B, H, W, C].</returns>
    public Tensor Decode(Tensor codes_BGT)
    {
        using var scope = NewDisposeScope();
        var (batch, groups, frames) = (codes_BGT.shape[0], codes_BGT.shape[1], codes_BGT.shape[2]);
        var parts = _widths.Select((width, g) => g < groups
            ? up_projs[g].forward(vqs[g].Entries(codes_BGT.select(1, g)))
            : zeros(batch, frames, width, device: codes_BGT.device)).ToList();
        return cat(parts, -1).view(batch, frames * _overlap, -1, _rows).permute(0, 3, 1, 2).contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>Key: embedding.</summary>
    private sealed class Codebook : nn.Module
    {
        private readonly Embedding embedding;
        private readonly CodebookCache _cache = new();
        private readonly bool _normalize;

        public Codebook(int size, int dimension, bool normalize) : base(nameof(Codebook))
        {
            _normalize = normalize;
            embedding = nn.Embedding(size, dimension);
            RegisterComponents();
        }

        public Tensor Nearest(Tensor z_BTD)
        {
            using var scope = NewDisposeScope();
            Func<Tensor, Tensor>? prepare = _normalize ? e => F.normalize(e, dim: -1) : null;
            return _cache.Get(embedding.weight!, prepare).Nearest(prepare is null ? z_BTD : prepare(z_BTD)).MoveToOuterDisposeScope();
        }

        public Tensor Entries(Tensor codes_BT) => embedding.forward(codes_BT);
    }
}
