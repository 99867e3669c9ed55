using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Speech.Lm;

/// <summary>Where a chunk's keys and values go, and what its queries see.</summary>
internal interface IKeyValueStore
{
    /// <summary>Absolute positions, int64 [B, S].</summary>
    Tensor Positions { get; }

    /// <summary>Of the keys, where they differ from the queries'; else null.</summary>
    Tensor? KeyPositions { get; }

    /// <summary>Stores the chunk of one layer and returns everything that its queries see.</summary>
    /// <param name="layer">Index.</param>
    /// <param name="key_BHSd">[B, Hk, S, d].</param>
    /// <param name="value_BHSd">[B, Hk, S, d].</param>
    AttentionSource[] Store(int layer, Tensor key_BHSd, Tensor value_BHSd);
}

/// <summary>Keys and values of a short sequence: differentiable, one step per call. Dispose it after the last.</summary>
internal sealed class GrowingStore(int layers) : IKeyValueStore, IDisposable
{
    private readonly List<Tensor> _owned = [];
    private readonly (Tensor Keys, Tensor Values)?[] _layers = new (Tensor, Tensor)?[layers];
    private long _length;

    public Tensor Positions => tensor(new[] { _length }).unsqueeze(0);

    public Tensor? KeyPositions => null;

    public AttentionSource[] Store(int layer, Tensor key_BHSd, Tensor value_BHSd)
    {
        var (keys, values) = _layers[layer] is { } kept
            ? (cat([kept.Keys, key_BHSd], 2), cat([kept.Values, value_BHSd], 2))
            : (key_BHSd.alias(), value_BHSd.alias());
        // They outlive the layer's dispose scope.
        _layers[layer] = (keys.DetachFromDisposeScope(), values.DetachFromDisposeScope());
        _owned.Add(keys);
        _owned.Add(values);
        _length = layer == layers - 1 ? keys.shape[2] : _length;
        return [new AttentionSource(keys, values, null)];
    }

    public void Dispose() => _owned.ForEach(t => t.Dispose());
}

/// <summary>Where the positions of one call stand, for patterns whose steps are no frames; the same for all rows.</summary>
/// <param name="Query">[S].</param>
/// <param name="Key">[S]; null = as the queries.</param>
public sealed record KvPositions(long[] Query, long[]? Key = null);

/// <summary>One call on a <see cref="KvCache"/>: where the new positions go, what they see. Dispose it after the call.</summary>
public sealed class KvStep : IKeyValueStore, IDisposable
{
    private readonly KvCache _cache;
    private readonly int[] _rows;
    private readonly bool _dense; // rows are neighbouring slots that write the same neighbouring places
    private readonly long _place;
    private readonly Tensor? _rowIndex, _placeIndex, _mask, _prefixMask;
    private readonly int _reach;

    internal KvStep(KvCache cache, int[] rows, long[] places, long[] absolute, float[]? mask, int reach, KvPrefix? prefix, KvPositions? at)
    {
        var steps = absolute.Length / rows.Length;
        (_cache, _rows, _reach, Steps, Prefix) = (cache, rows, reach, steps, prefix);
        var device = cache.Keys(0).device;
        using var scope = NewDisposeScope();
        Positions = tensor(at?.Query ?? absolute, device: device).view(-1, steps).DetachFromDisposeScope();
        KeyPositions = at?.Key is { } keys ? tensor(keys, device: device).view(-1, steps).DetachFromDisposeScope() : null;
        _mask = mask is null ? null : tensor(mask, device: device).view(rows.Length, 1, steps, reach).DetachFromDisposeScope();
        _place = places[0];
        var neighbours = Enumerable.Range(0, rows.Length).All(b => rows[b] == rows[0] + b);
        _dense = neighbours && Enumerable.Range(0, places.Length).All(i => places[i] == _place + i % steps);
        if (!_dense)
        {
            _rowIndex = tensor(rows.SelectMany(r => Enumerable.Repeat((long)r, steps)).ToArray(), device: device).DetachFromDisposeScope();
            _placeIndex = tensor(places, device: device).DetachFromDisposeScope();
        }
        Neighbours = neighbours;
        if (prefix is not null && cache.Context is { } context)
            _prefixMask = PrefixMask(absolute, prefix.Length, context, rows.Length, device);
    }

    /// <summary>Positions per row.</summary>
    public int Steps { get; }

    /// <summary>Absolute positions, int64 [B or 1, S].</summary>
    public Tensor Positions { get; }

    /// <summary>Of the keys, where they differ; else null.</summary>
    public Tensor? KeyPositions { get; }

    internal KvPrefix? Prefix { get; }

    private bool Neighbours { get; }

    /// <summary>Stores the chunk's keys and values of one layer and returns everything that its queries see.</summary>
    /// <param name="layer">Index.</param>
    /// <param name="key_BHSd">[B, Hk, S, d].</param>
    /// <param name="value_BHSd">[B, Hk, S, d].</param>
    AttentionSource[] IKeyValueStore.Store(int layer, Tensor key_BHSd, Tensor value_BHSd)
    {
        var own = new AttentionSource(Put(_cache.Keys(layer), _cache.Scales(layer, values: false), key_BHSd), Put(_cache.Values(layer), _cache.Scales(layer, values: true), value_BHSd), _mask);
        return Prefix is null ? [own] : [own, new AttentionSource(Prefix.Keys(layer), Prefix.Values(layer), _prefixMask)];
    }

    public void Dispose()
    {
        Positions.Dispose();
        KeyPositions?.Dispose();
        _mask?.Dispose();
        _rowIndex?.Dispose();
        _placeIndex?.Dispose();
        _prefixMask?.Dispose();
    }

    private Tensor Put(Tensor store, Tensor? scales, Tensor chunk_BHSd)
    {
        if (scales is null)
        {
            Write(store, chunk_BHSd);
            return Rows(store);
        }
        var scale = chunk_BHSd.abs().amax([-1], keepdim: true).clamp_(min: 1e-12).div_(127);
        Write(scales, scale);
        Write(store, (chunk_BHSd / scale).round_().to(ScalarType.Int8));
        return Rows(store) * Rows(scales);
    }

    private void Write(Tensor store, Tensor chunk_BHSd)
    {
        if (_dense)
            store.narrow(0, _rows[0], _rows.Length).narrow(2, _place, Steps).copy_(chunk_BHSd);
        else
            store.transpose(1, 2).index_put_(chunk_BHSd.transpose(1, 2).reshape(-1, chunk_BHSd.shape[1], chunk_BHSd.shape[3]),
                TensorIndex.Tensor(_rowIndex!), TensorIndex.Tensor(_placeIndex!));
    }

    private Tensor Rows(Tensor store)
    {
        var rows = Neighbours
            ? store.narrow(0, _rows[0], _rows.Length)
            : store.index_select(0, tensor(_rows.Select(r => (long)r).ToArray(), device: store.device));
        return rows.narrow(2, 0, _reach);
    }

    private static Tensor PrefixMask(long[] absolute, long length, int context, int rows, Device device)
    {
        var mask = new float[absolute.Length * length];
        for (var i = 0; i < absolute.Length; i++)
            for (var p = 0; p < length; p++)
                if (absolute[i] - p >= context)
                    mask[i * length + p] = float.NegativeInfinity;
        return tensor(mask, device: device).view(rows, 1, absolute.Length / rows, length).DetachFromDisposeScope();
    }
}
