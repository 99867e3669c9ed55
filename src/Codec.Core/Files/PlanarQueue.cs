namespace Codec.Core.Files;

/// <summary>Samples of several channels that wait to be worked on, first in, first out.</summary>
internal sealed class PlanarQueue
{
    private readonly float[][] _samples;
    private readonly int[] _counts;

    public PlanarQueue(int channels)
    {
        _samples = new float[channels][];
        _counts = new int[channels];
        Array.Fill(_samples, []);
    }

    public int Channels => _samples.Length;

    /// <summary>Samples that every channel holds.</summary>
    public int Count => _counts.Min();

    public void Append(int channel, ReadOnlySpan<float> samples) => samples.CopyTo(Grow(channel, samples.Length));

    public void AppendSilence(int count)
    {
        for (var c = 0; c < Channels; c++)
            Grow(c, count).Clear();
    }

    public ReadOnlySpan<float> this[int channel] => _samples[channel].AsSpan(0, _counts[channel]);

    /// <summary>Drops the oldest samples of all channels.</summary>
    public void Drop(int count)
    {
        for (var c = 0; c < Channels; c++)
        {
            this[c][count..].CopyTo(_samples[c]);
            _counts[c] -= count;
        }
    }

    private Span<float> Grow(int channel, int more)
    {
        var needed = checked(_counts[channel] + more);
        if (needed > _samples[channel].Length)
            Array.Resize(ref _samples[channel], Math.Max(needed, 2 * _samples[channel].Length));
        _counts[channel] = needed;
        return _samples[channel].AsSpan(needed - more, more);
    }
}
