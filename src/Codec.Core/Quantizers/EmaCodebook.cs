using Codec.Core.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Quantizers;

/// <summary>
/// A codebook whose entries follow running means of the vectors assigned to them (van den Oord et al. 2017, appendix),
/// with replacement of unused entries. Only <c>codebook</c> matters for inference.
/// </summary>
public sealed class EmaCodebook : nn.Module
{
    private readonly Tensor codebook, cluster_size, embed_sum;
    private readonly int _size;

    /// <summary>Share of the running sums that survives a step.</summary>
    public double Decay { get; init; } = 0.98;

    /// <summary>Running count below which an entry is replaced, as a share of the even count.</summary>
    public double DeadShare { get; init; } = 0.02;

    public EmaCodebook(int dim, int size) : base(nameof(EmaCodebook))
    {
        _size = size;
        codebook = randn(size, dim).mul_(0.1);
        cluster_size = ones(size);
        embed_sum = codebook.clone();
        RegisterComponents();
    }

    /// <summary>The entries, [N, D].</summary>
    public Tensor Entries => codebook;

    /// <summary>Index of the nearest entry; of equal ones the lowest.</summary>
    /// <param name="x">[..., D].</param>
    /// <returns>int64 [...].</returns>
    public Tensor Nearest(Tensor x)
    {
        using var scope = NewDisposeScope();
        if (NearestRows.Fits(x, codebook))
            return NearestRows.Find(x, codebook).MoveToOuterDisposeScope();
        // |x - c|^2 = |x|^2 - 2 x.c + |c|^2; the first term is the same for all entries.
        var distance = addmm(codebook.pow(2).sum(1), x.reshape(-1, x.shape[^1]), codebook.t(), beta: 1, alpha: -2);
        return distance.argmin(1).view(x.shape[..^1]).MoveToOuterDisposeScope();
    }

    /// <param name="codes">int64 [...].</param>
    /// <returns>[..., D].</returns>
    public Tensor Lookup(Tensor codes)
    {
        using var scope = NewDisposeScope();
        return codebook.index_select(0, codes.reshape(-1)).view([.. codes.shape, codebook.shape[1]]).MoveToOuterDisposeScope();
    }

    /// <summary>Starts the running sums from the entries, as if each had just been used evenly.</summary>
    internal void ResetSums()
    {
        using var mode = no_grad();
        cluster_size.fill_(1);
        embed_sum.copy_(codebook);
    }

    /// <summary>Takes assigned vectors into the running means; entries unused for long become random ones of them.</summary>
    /// <param name="x">[..., D].</param>
    /// <param name="codes">Entries that they were assigned to, [...].</param>
    /// <param name="replacement">Picks the vectors.</param>
    internal void Learn(Tensor x, Tensor codes, Random replacement)
    {
        using var scope = NewDisposeScope();
        var (x_ND, codes_N) = (x.reshape(-1, x.shape[^1]), codes.reshape(-1));
        var counts_V = bincount(codes_N, minlength: _size).to(x.dtype);
        var sums_VD = zeros_like(codebook).index_add_(0, codes_N, x_ND, 1);
        cluster_size.mul_(Decay).add_(counts_V, alpha: 1 - Decay);
        embed_sum.mul_(Decay).add_(sums_VD, alpha: 1 - Decay);
        MoveToMeans(x_ND, replacement);
    }

    private void MoveToMeans(Tensor x_ND, Random random)
    {
        using var scope = NewDisposeScope();
        var even = cluster_size.sum() / _size;
        codebook.copy_(embed_sum / cluster_size.clamp_min(1e-5).unsqueeze(1));
        var dead_M = cluster_size.lt(even * DeadShare).nonzero().squeeze(1);
        var count = (int)dead_M.shape[0];
        if (count == 0)
            return;
        var picks = Enumerable.Range(0, count).Select(_ => (long)random.Next((int)x_ND.shape[0])).ToArray();
        var fresh_MD = x_ND.index_select(0, tensor(picks, device: x_ND.device));
        var share = even * 0.5;
        codebook.index_copy_(0, dead_M, fresh_MD);
        cluster_size.index_fill_(0, dead_M, share.item<float>());
        embed_sum.index_copy_(0, dead_M, fresh_MD * share);
    }

    internal void Initialize(Tensor x_ND, int iterations, Random random)
    {
        using var scope = NewDisposeScope();
        var n = (int)x_ND.shape[0];
        var picks = Enumerable.Range(0, _size).Select(_ => (long)random.Next(n)).ToArray();
        codebook.copy_(x_ND.index_select(0, tensor(picks, device: x_ND.device)));
        for (var i = 0; i < iterations; i++)
        {
            var codes_N = Nearest(x_ND);
            cluster_size.copy_(bincount(codes_N, minlength: _size).to(x_ND.dtype));
            embed_sum.zero_().index_add_(0, codes_N, x_ND, 1);
            MoveToMeans(x_ND, random);
        }
        // The running sums are averages over steps: scale the counts of all vectors down to those of one.
        var perStep = 1.0 / Math.Max(1, n / 512.0);
        cluster_size.mul_(perStep);
        embed_sum.mul_(perStep);
    }
}
