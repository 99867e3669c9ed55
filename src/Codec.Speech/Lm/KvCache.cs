using Codec.Audio;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Speech.Lm;

/// <summary>
/// Keys and values of many sessions, one slot each, preallocated: [slots, Hk, capacity, d] per layer. With a limited context the
/// slots are rings, so that streams are endless. Every entry's absolute position is known, which gives masks, rings and
/// rewinding alike. Not thread-safe.
/// </summary>
public sealed class KvCache : IDisposable
{
    private readonly TransformerConfig _config;
    private readonly Tensor[] _keys;
    private readonly Tensor[] _values;
    private readonly Tensor[] _scales; // of 8-bit keys, then values: [slots, Hk, capacity, 1] per layer; else none
    private readonly long[] _length; // positions seen per slot, a shared prefix included
    private readonly long[][] _positions; // absolute position of each entry; -1 = free
    private readonly KvPrefix?[] _prefix;

    /// <param name="config">Of the transformer.</param>
    /// <param name="slots">Sessions.</param>
    /// <param name="maxLength">Positions per session; ignored beyond the ring where the context is limited.</param>
    /// <param name="maxChunk">Largest number of positions per call of a ring, and how far a ring can be rewound.</param>
    /// <param name="device">Null = CPU.</param>
    /// <param name="dtype">Element type.</param>
    /// <param name="int8">Keep entries as 8-bit integers with one scale per position and head: lossy.</param>
    public KvCache(TransformerConfig config, int slots, int maxLength, int maxChunk = 64, Device? device = null, ScalarType dtype = ScalarType.Float32, bool int8 = false)
    {
        Require.Positive(slots);
        Require.Positive(maxLength);
        _config = config;
        MaxChunk = config.Context is null ? maxLength : maxChunk;
        Capacity = config.Context is { } context ? context + maxChunk - 1 : maxLength;
        Slots = slots;
        Tensor Empty() => zeros([slots, config.KvHeads, Capacity, config.HeadDim], int8 ? ScalarType.Int8 : dtype, device).DetachFromDisposeScope();
        _keys = Enumerable.Range(0, config.Layers).Select(_ => Empty()).ToArray();
        _values = Enumerable.Range(0, config.Layers).Select(_ => Empty()).ToArray();
        _scales = int8 ? Enumerable.Range(0, 2 * config.Layers).Select(_ => zeros([slots, config.KvHeads, Capacity, 1], dtype, device).DetachFromDisposeScope()).ToArray() : [];
        _length = new long[slots];
        _prefix = new KvPrefix?[slots];
        _positions = Enumerable.Range(0, slots).Select(_ => Enumerable.Repeat(-1L, Capacity).ToArray()).ToArray();
    }

    public int Slots { get; }

    /// <summary>Entries per slot.</summary>
    public int Capacity { get; }

    /// <summary>Largest number of positions per call.</summary>
    public int MaxChunk { get; }

    /// <summary>Positions that a session has seen, its shared prefix included.</summary>
    public long Length(int slot) => _length[slot];

    /// <summary>Bytes of keys and values.</summary>
    public long Bytes => All.Sum(t => t.NumberOfElements * t.element_size());

    /// <summary>Empties a slot for a new session, on top of a shared prefix if there is one.</summary>
    public void Reset(int slot, KvPrefix? prefix = null)
    {
        _length[slot] = prefix?.Length ?? 0;
        _prefix[slot] = prefix;
        Array.Fill(_positions[slot], -1);
    }

    /// <summary>Forgets the positions from <paramref name="length"/> on.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Longer than now, within the prefix, or lost by the ring.</exception>
    public void Rewind(int slot, long length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, _length[slot]);
        ArgumentOutOfRangeException.ThrowIfLessThan(length, _prefix[slot]?.Length ?? 0);
        if (_config.Context is { } context && _length[slot] > Capacity && length - context + 1 < _length[slot] - Capacity)
            throw new ArgumentOutOfRangeException(nameof(length), $"the ring keeps {Capacity} of {_length[slot]} positions");
        for (var i = 0; i < Capacity; i++)
            if (_positions[slot][i] >= length)
                _positions[slot][i] = -1;
        _length[slot] = length;
    }

    /// <summary>Copies a session to another slot.</summary>
    public void Copy(int from, int to)
    {
        using var scope = NewDisposeScope();
        foreach (var tensor in All)
            tensor[to].copy_(tensor[from]);
        (_length[to], _prefix[to]) = (_length[from], _prefix[from]);
        _positions[from].CopyTo(_positions[to], 0);
    }

    /// <summary>The keys (after rotation) or values of one layer and session in the order of their places: [Hk, n, d], a copy.</summary>
    public Tensor Read(int layer, int slot, bool values = false)
    {
        using var scope = NewDisposeScope();
        var count = Math.Min(Capacity, _length[slot] - (_prefix[slot]?.Length ?? 0));
        Tensor One(Tensor all) => all[slot].narrow(1, 0, count);
        var stored = One((values ? _values : _keys)[layer]);
        return (Scales(layer, values) is { } scales ? stored * One(scales) : stored.clone()).MoveToOuterDisposeScope();
    }

    /// <summary>What a slot holds, to be shared by many sessions. The caller disposes it after them.</summary>
    /// <exception cref="InvalidOperationException">The slot has a prefix itself, or its ring has dropped positions.</exception>
    public KvPrefix Share(int slot)
    {
        if (_prefix[slot] is not null || _length[slot] > Capacity)
            throw new InvalidOperationException("only a whole session without prefix can be shared");
        Tensor[] Cut(bool values) => _keys.Select((_, layer) => Read(layer, slot, values).unsqueeze_(0).DetachFromDisposeScope()).ToArray();
        return new KvPrefix(Cut(false), Cut(true), _length[slot]);
    }

    /// <summary>Makes room for the next positions of some sessions and says what they see.</summary>
    /// <param name="slots">One per row of the batch, all different.</param>
    /// <param name="steps">Positions per row, at most <see cref="MaxChunk"/>.</param>
    /// <param name="visible">Within the chunk: whether position i sees position j; null = causal. For trees of drafts.</param>
    /// <param name="positions">Absolute position of each step relative to the length; null = 0, 1, 2, ...</param>
    /// <param name="at">Positions in place of those counted from the length.</param>
    /// <exception cref="InvalidOperationException">A session is full.</exception>
    public KvStep Begin(ReadOnlySpan<int> slots, int steps, bool[,]? visible = null, int[]? positions = null, KvPositions? at = null)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(steps, MaxChunk);
        var rows = slots.ToArray();
        var places = new long[rows.Length * steps];
        var absolute = new long[rows.Length * steps];
        for (var b = 0; b < rows.Length; b++)
        {
            var start = _length[rows[b]];
            var first = start - (_prefix[rows[b]]?.Length ?? 0);
            if (_config.Context is null && first + steps > Capacity)
                throw new InvalidOperationException($"slot {rows[b]}: {first + steps} positions exceed the capacity of {Capacity}");
            for (var s = 0; s < steps; s++)
            {
                places[b * steps + s] = (first + s) % Capacity;
                absolute[b * steps + s] = start + (positions?[s] ?? s);
                _positions[rows[b]][places[b * steps + s]] = start + s;
            }
            _length[rows[b]] = start + steps;
        }
        return new KvStep(this, rows, places, absolute, BuildMask(rows, steps, visible, out var reach), reach, SharedPrefix(rows), at);
    }

    public void Dispose()
    {
        foreach (var tensor in All)
            tensor.Dispose();
    }

    internal Tensor Keys(int layer) => _keys[layer];

    internal Tensor Values(int layer) => _values[layer];

    /// <summary>Of 8-bit entries; else null.</summary>
    internal Tensor? Scales(int layer, bool values) => _scales.Length == 0 ? null : _scales[layer + (values ? _keys.Length : 0)];

    private IEnumerable<Tensor> All => _keys.Concat(_values).Concat(_scales);

    internal int? Context => _config.Context;

    private KvPrefix? SharedPrefix(int[] rows)
    {
        var prefix = _prefix[rows[0]];
        foreach (var row in rows)
            if (_prefix[row] != prefix)
                throw new InvalidOperationException("sessions of one batch must share one prefix");
        return prefix;
    }

    // 0 where visible, -infinity elsewhere; null where all of [0, reach) is visible.
    private float[]? BuildMask(int[] rows, int steps, bool[,]? visible, out int reach)
    {
        reach = 0;
        foreach (var row in rows)
            reach = (int)Math.Max(reach, Math.Min(Capacity, _length[row] - (_prefix[row]?.Length ?? 0)));
        var mask = new float[rows.Length * steps * reach];
        var hidden = false;
        for (var b = 0; b < rows.Length; b++)
        {
            var start = _length[rows[b]] - steps;
            for (var s = 0; s < steps; s++)
                for (var c = 0; c < reach; c++)
                {
                    var key = _positions[rows[b]][c];
                    var seen = key >= 0 && (key < start || (visible is null ? key <= start + s : visible[s, key - start]))
                        && (_config.Context is null || start + s - key < _config.Context);
                    if (seen)
                        continue;
                    mask[(b * steps + s) * reach + c] = float.NegativeInfinity;
                    hidden = true;
                }
        }
        return hidden ? mask : null;
    }
}

/// <summary>Keys and values of a prompt that many sessions share, stored once.</summary>
public sealed class KvPrefix : IDisposable
{
    private readonly Tensor[] _keys;
    private readonly Tensor[] _values;

    internal KvPrefix(Tensor[] keys, Tensor[] values, long length) => (_keys, _values, Length) = (keys, values, length);

    /// <summary>Positions.</summary>
    public long Length { get; }

    internal Tensor Keys(int layer) => _keys[layer];

    internal Tensor Values(int layer) => _values[layer];

    public void Dispose()
    {
        foreach (var tensor in _keys.Concat(_values))
            tensor.Dispose();
    }
}
