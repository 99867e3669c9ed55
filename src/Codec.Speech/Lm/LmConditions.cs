using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Speech.Lm;

/// <summary>What a model is told besides tokens. Rows match the batch (or are 1).</summary>
/// <param name="Sum">[B, 1, D], added to every position.</param>
/// <param name="Prepend">[B, P, D], put in front; once per session.</param>
/// <param name="Cross">Of models with cross-attention.</param>
/// <param name="SumOverPrefix">Whether the sum reaches the prefix too: it does where the model was trained to put the prefix in front first.</param>
/// <param name="PrependMask_BP">True where a row has a prefix position: shorter prefixes stand at the right; null = everywhere.</param>
public sealed record LmConditions(
    Tensor? Sum = null, Tensor? Prepend = null, CrossCondition? Cross = null, bool SumOverPrefix = false, Tensor? PrependMask_BP = null)
{
    /// <summary>Prefix positions of a row.</summary>
    public int PrefixLength(int row)
        => Prepend is null ? 0 : PrependMask_BP is null ? (int)Prepend.shape[1] : (int)PrependMask_BP[row].sum().item<long>();

    /// <summary>The prefix of one row without the places that it lacks: [1, P_row, D].</summary>
    internal Tensor Prefix(int row)
    {
        var length = PrefixLength(row);
        return Prepend!.narrow(0, Prepend.shape[0] == 1 ? 0 : row, 1).narrow(1, Prepend.shape[1] - length, length);
    }

    /// <summary>Positions and mask of prefix and sequence together, offline.</summary>
    internal LmPositions? Extend(LmPositions? at, Transformer transformer, long steps)
    {
        if (PrependMask_BP is null && at?.Query_BS is null && at?.Mask_B1SS is null)
            return at;
        using var scope = NewDisposeScope();
        var device = Prepend!.device;
        var prefix = Prepend.shape[1];
        var exists = PrependMask_BP ?? ones([1, prefix], ScalarType.Bool, device);
        var before = (exists.to(ScalarType.Int64).cumsum(1) - 1).clamp_(0);
        var start = exists.sum(1, keepdim: true);
        Tensor Joined(Tensor own_BS)
        {
            var moved = own_BS + start;
            return cat([before.expand(moved.shape[0], -1), moved], 1).MoveToOuterDisposeScope();
        }
        var query = Joined(at?.Query_BS ?? arange(steps, ScalarType.Int64, device).unsqueeze(0));
        var key = at?.Key_BS is null ? null : Joined(at.Key_BS);
        var mask = transformer.CausalMask(prefix + steps, device);
        if (at?.Mask_B1SS is { } own)
        {
            mask = mask.expand(own.shape[0], -1, -1, -1).clone();
            mask.narrow(2, prefix, steps).narrow(3, prefix, steps).copy_(own);
        }
        // A place that no row position stands at is seen by itself only, so that no query is left with nothing.
        var missing = cat([exists.logical_not(), zeros([exists.shape[0], steps], ScalarType.Bool, device)], 1).unsqueeze(1).unsqueeze(1);
        var self = eye(prefix + steps, prefix + steps, ScalarType.Bool, device);
        mask = mask.masked_fill(missing.logical_and(self.logical_not()), float.NegativeInfinity);
        return new LmPositions(query, key, mask.MoveToOuterDisposeScope(), at?.Book_BS);
    }
}

/// <summary>The positions of a cached call, where these are not one step after the other; the same for all rows.</summary>
/// <param name="Query">[S]; null = counted from the session's length.</param>
/// <param name="Key">[S]; null = as the queries.</param>
/// <param name="Book">[S], as in <see cref="LmPositions"/>.</param>
/// <param name="Visible">Whether position i of the call sees position j; null = causal.</param>
public sealed record LmChunk(long[]? Query = null, long[]? Key = null, long[]? Book = null, bool[,]? Visible = null)
{
    internal LmChunk Slice(int start, int count) => new(Query?[start..(start + count)], Key?[start..(start + count)], null, Visible);

    internal KvPositions? At => Query is null ? null : new KvPositions(Query, Key);
}
