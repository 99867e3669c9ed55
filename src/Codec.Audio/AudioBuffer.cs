namespace Codec.Audio;

/// <summary>Audio in memory: planar 32-bit samples, nominally in [-1, 1].</summary>
public sealed class AudioBuffer
{
    private readonly float[][] _channels;

    /// <param name="channels">One array per channel, all of the same length. The arrays are kept, not copied.</param>
    /// <param name="sampleRate">Hz.</param>
    public AudioBuffer(float[][] channels, int sampleRate)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(sampleRate);
        ArgumentOutOfRangeException.ThrowIfZero(channels.Length);
        foreach (var channel in channels)
            if (channel.Length != channels[0].Length)
                throw new ArgumentException("channels differ in length", nameof(channels));
        _channels = channels;
        SampleRate = sampleRate;
    }

    /// <summary>Mono audio.</summary>
    public AudioBuffer(float[] samples, int sampleRate) : this([samples], sampleRate) { }

    /// <summary>Hz.</summary>
    public int SampleRate { get; }

    public int Channels => _channels.Length;

    /// <summary>Samples per channel.</summary>
    public int Length => _channels[0].Length;

    public TimeSpan Duration => TimeSpan.FromSeconds((double)Length / SampleRate);

    /// <summary>The samples of one channel.</summary>
    public Span<float> this[int channel] => _channels[channel];

    /// <summary>The array behind a channel.</summary>
    public float[] Channel(int channel) => _channels[channel];

    /// <summary>A copy of the samples [start, start + length) of every channel.</summary>
    public AudioBuffer Slice(int start, int length)
        => new(_channels.Select(c => c.AsSpan(start, length).ToArray()).ToArray(), SampleRate);

    /// <summary>The mean of all channels.</summary>
    public AudioBuffer ToMono()
    {
        if (Channels == 1)
            return this;
        var mono = new float[Length];
        for (var i = 0; i < mono.Length; i++)
        {
            double sum = 0;
            foreach (var channel in _channels)
                sum += channel[i];
            mono[i] = (float)(sum / Channels);
        }
        return new AudioBuffer(mono, SampleRate);
    }
}
