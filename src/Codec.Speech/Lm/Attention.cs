using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Codec.Speech.Lm;

/// <summary>What attention looks at: keys and values with what each query may see of them.</summary>
/// <param name="Keys">[B, Hk, C, d], or [1, Hk, C, d] for one prefix under all rows.</param>
/// <param name="Values">As the keys.</param>
/// <param name="Mask">[B or 1, 1, S, C] added to the scores (0 or -infinity); null = everything is visible.</param>
public readonly record struct AttentionSource(Tensor Keys, Tensor Values, Tensor? Mask);

/// <summary>
/// Multi-head attention with grouped key/value heads. Queries, keys and values come from one stacked projection; with several
/// weight sets the caller says which.
/// </summary>
public sealed class Attention : nn.Module
{
    private readonly ModuleList<Projection> in_projs, out_projs;
    private readonly LayerNorm? q_layer_norm, k_layer_norm;
    private readonly int _heads, _kvHeads, _headDim;

    /// <param name="config">Shape.</param>
    /// <param name="cross">Whether keys and values come from a condition (then all heads have their own).</param>
    public Attention(TransformerConfig config, bool cross = false) : base(nameof(Attention))
    {
        (_heads, _headDim) = (config.Heads, config.HeadDim);
        _kvHeads = cross ? config.Heads : config.KvHeads;
        var width = config.Dim + 2 * _kvHeads * _headDim;
        in_projs = new ModuleList<Projection>(Enumerable.Range(0, config.WeightSets).Select(_ => new Projection(config.Dim, width, config.AttentionBias)).ToArray());
        out_projs = new ModuleList<Projection>(Enumerable.Range(0, config.WeightSets).Select(_ => new Projection(config.Dim, config.Dim, config.AttentionBias)).ToArray());
        if (config.QueryKeyNorm && !cross)
        {
            q_layer_norm = nn.LayerNorm(config.Dim);
            k_layer_norm = nn.LayerNorm(config.Dim);
        }
        RegisterComponents();
    }

    /// <summary>Queries, keys and values of a chunk, rotated.</summary>
    /// <param name="x_BSD">Features.</param>
    /// <param name="rotation">Complex [B or 1, S, 1, d/2]; null = none.</param>
    /// <param name="set">Weight set.</param>
    /// <param name="keyRotation">Of the keys, where they stand elsewhere than the queries; null = as the queries.</param>
    /// <returns>[B, H, S, d], [B, Hk, S, d], [B, Hk, S, d]; views.</returns>
    public (Tensor Query, Tensor Key, Tensor Value) Project(Tensor x_BSD, Tensor? rotation, int set = 0, Tensor? keyRotation = null)
    {
        using var scope = NewDisposeScope();
        var (batch, steps) = (x_BSD.shape[0], x_BSD.shape[1]);
        var joined = in_projs[set].forward(x_BSD);
        var values = joined.narrow(-1, (_heads + _kvHeads) * _headDim, _kvHeads * _headDim).view(batch, steps, _kvHeads, _headDim);
        var rotated = joined.narrow(-1, 0, (_heads + _kvHeads) * _headDim);
        if (q_layer_norm is not null)
        {
            var dim = _heads * _headDim;
            rotated = cat([q_layer_norm.forward(rotated.narrow(-1, 0, dim)), k_layer_norm!.forward(rotated.narrow(-1, dim, dim))], -1);
        }
        var queryKey = rotated.view(batch, steps, _heads + _kvHeads, _headDim);
        if (rotation is not null)
            queryKey = keyRotation is null ? Rotate(queryKey, rotation)
                : cat([Rotate(queryKey.narrow(2, 0, _heads), rotation), Rotate(queryKey.narrow(2, _heads, _kvHeads), keyRotation)], 2);
        var query = queryKey.narrow(2, 0, _heads).transpose(1, 2);
        var key = queryKey.narrow(2, _heads, _kvHeads).transpose(1, 2);
        return (query.MoveToOuterDisposeScope(), key.MoveToOuterDisposeScope(), values.transpose(1, 2).MoveToOuterDisposeScope());
    }

    /// <summary>Keys and values of a condition.</summary>
    /// <param name="condition_BLD">[B, L, D].</param>
    /// <returns>[B, H, L, d] each, dense.</returns>
    public (Tensor Keys, Tensor Values) ProjectCondition(Tensor condition_BLD)
    {
        using var scope = NewDisposeScope();
        var dim = _heads * _headDim;
        var linear = in_projs[0];
        var joined = nn.functional.linear(condition_BLD, linear.Weight.narrow(0, dim, 2 * dim), linear.Bias?.narrow(0, dim, 2 * dim));
        var heads = joined.view(condition_BLD.shape[0], condition_BLD.shape[1], 2 * _heads, _headDim).transpose(1, 2).contiguous();
        return (heads.narrow(1, 0, _heads).contiguous().MoveToOuterDisposeScope(), heads.narrow(1, _heads, _heads).contiguous().MoveToOuterDisposeScope());
    }

    /// <summary>Queries alone, for cross-attention.</summary>
    /// <returns>[B, H, S, d].</returns>
    public Tensor ProjectQuery(Tensor x_BSD)
    {
        using var scope = NewDisposeScope();
        var dim = _heads * _headDim;
        var linear = in_projs[0];
        return nn.functional.linear(x_BSD, linear.Weight.narrow(0, 0, dim), linear.Bias?.narrow(0, 0, dim))
            .view(x_BSD.shape[0], x_BSD.shape[1], _heads, _headDim).transpose(1, 2).MoveToOuterDisposeScope();
    }

    /// <summary>softmax(q k / sqrt(d)) v over one source, or over several as if they were one (merged by their log-sum-exp).</summary>
    /// <param name="query_BHSd">Queries.</param>
    /// <param name="sources">At least one in which every query sees something.</param>
    /// <param name="set">Weight set of the output projection.</param>
    /// <returns>[B, S, D].</returns>
    public Tensor Attend(Tensor query_BHSd, ReadOnlySpan<AttentionSource> sources, int set = 0)
    {
        using var scope = NewDisposeScope();
        var (batch, steps) = (query_BHSd.shape[0], query_BHSd.shape[2]);
        var (result, logSum) = One(query_BHSd, sources[0], withLogSum: sources.Length > 1);
        for (var i = 1; i < sources.Length; i++)
        {
            var (other, otherLogSum) = One(query_BHSd, sources[i], withLogSum: true);
            var total = logaddexp(logSum!, otherLogSum!);
            result = result * (logSum! - total).exp() + other * (otherLogSum! - total).exp();
            logSum = total;
        }
        var joined = result.transpose(1, 2).reshape(batch, steps, _heads * _headDim);
        return out_projs[set].forward(joined).MoveToOuterDisposeScope();
    }

    private (Tensor Result, Tensor? LogSum) One(Tensor query_BHSd, AttentionSource source, bool withLogSum)
    {
        var (batch, steps) = (query_BHSd.shape[0], query_BHSd.shape[2]);
        var keyHeads = source.Keys.shape[1];
        var group = _heads / keyHeads;
        // Query heads of one key head lie in a row: they become further queries of that head.
        var query = (query_BHSd * (1 / Math.Sqrt(_headDim))).reshape(batch, keyHeads, group * steps, _headDim);
        var scores = matmul(query, source.Keys.transpose(-1, -2));
        if (source.Mask is { } mask)
        {
            var open = scores.view(batch, keyHeads, group, steps, -1);
            scores = open.add_(mask.unsqueeze(2)).view(batch, keyHeads, group * steps, -1);
        }
        var logSum = withLogSum ? scores.logsumexp(-1, keepdim: true).view(batch, _heads, steps, 1) : null;
        var weights = withLogSum && source.Mask is not null
            ? scores.softmax(-1).nan_to_num(0) // a row that sees nothing here has log-sum -infinity and weight 0 in the merge
            : scores.softmax(-1);
        return (matmul(weights, source.Values).view(batch, _heads, steps, _headDim), logSum);
    }

    private static Tensor Rotate(Tensor x_BSHd, Tensor rotation)
    {
        var shape = x_BSHd.shape;
        var pairs = x_BSHd.reshape([.. shape[..^1], shape[^1] / 2, 2]).view_as_complex();
        return (pairs * rotation).view_as_real().reshape(shape);
    }
}
