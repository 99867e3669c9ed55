using static TorchSharp.torch;

namespace Codec.Core;

/// <summary>Something a layer remembers between calls of one stream.</summary>
public interface IStreamSlot : IDisposable
{
    /// <summary>An independent copy.</summary>
    IStreamSlot Fork();
}

/// <summary>
/// All that one stream remembers, keyed by layer: weights stay shared and immutable.
/// Not thread-safe: one stream is fed by one thread at a time.
/// </summary>
public sealed class StreamState : IDisposable
{
    private readonly Dictionary<(object Layer, string Name), IStreamSlot> _slots = [];

    /// <summary>
    /// Set before the last call of a stream (which may bring nothing new): layers then hand out what they held back, as they do at the end
    /// of a whole signal. Codecs whose first frames depend on later ones (mirrored padding) need it for streams of a few frames.
    /// </summary>
    public bool Ending { get; set; }

    /// <summary>The slot of a layer, created on first use.</summary>
    public T Slot<T>(object layer, Func<T> create, string name = "") where T : IStreamSlot
    {
        if (_slots.TryGetValue((layer, name), out var slot))
            return (T)slot;
        var created = create();
        _slots[(layer, name)] = created;
        return created;
    }

    /// <summary>A copy that goes its own way: keep one to rewind to it.</summary>
    public StreamState Fork()
    {
        var copy = new StreamState { Ending = Ending };
        foreach (var (key, slot) in _slots)
            copy._slots[key] = slot.Fork();
        return copy;
    }

    /// <summary>Forgets everything: the next call starts a new stream.</summary>
    public void Reset()
    {
        foreach (var slot in _slots.Values)
            slot.Dispose();
        _slots.Clear();
        Ending = false;
    }

    public void Dispose() => Reset();
}

/// <summary>A tensor that survives from call to call, e.g. the last samples of a convolution's input.</summary>
public sealed class TensorSlot : IStreamSlot
{
    /// <param name="value">Copied, and detached from every dispose scope.</param>
    public TensorSlot(Tensor value) => Value = Own(value);

    private TensorSlot() => Value = null!;

    public Tensor Value { get; private set; }

    /// <summary>Replaces the value by a copy of <paramref name="value"/>.</summary>
    public void Set(Tensor value)
    {
        var old = Value;
        Value = Own(value);
        old.Dispose();
    }

    public IStreamSlot Fork() => new TensorSlot { Value = Own(Value) };

    public void Dispose() => Value.Dispose();

    private static Tensor Own(Tensor value) => value.clone().DetachFromDisposeScope();
}
