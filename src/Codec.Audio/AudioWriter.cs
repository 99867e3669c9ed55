namespace Codec.Audio;

/// <summary>
/// Audio written block by block. A file appears under its name only with <see cref="Complete"/>;
/// disposing earlier leaves nothing behind. Not thread-safe.
/// </summary>
public abstract class AudioWriter : IDisposable
{
    /// <summary>Hz.</summary>
    public abstract int SampleRate { get; }

    public abstract int Channels { get; }

    /// <summary>Writes whole frames, channels interleaved, nominally in [-1, 1]; integer formats clip.</summary>
    /// <exception cref="OutputFileException">No space, or another failure of the device.</exception>
    public abstract void Write(ReadOnlySpan<float> interleaved);

    /// <summary>Writes a buffer of this rate and channel count.</summary>
    public void Write(AudioBuffer audio)
    {
        if (audio.SampleRate != SampleRate || audio.Channels != Channels)
            throw new ArgumentException($"expected {Channels} channels at {SampleRate} Hz, found {audio.Channels} at {audio.SampleRate}", nameof(audio));
        var block = new float[Math.Min(audio.Length, 4096) * Channels];
        for (var start = 0; start < audio.Length; start += 4096)
        {
            var frames = Math.Min(4096, audio.Length - start);
            for (var c = 0; c < Channels; c++)
            {
                var channel = audio[c].Slice(start, frames);
                for (var i = 0; i < frames; i++)
                    block[i * Channels + c] = channel[i];
            }
            Write(block.AsSpan(0, frames * Channels));
        }
    }

    /// <summary>Finishes headers and puts the file in place. Nothing can be written afterwards.</summary>
    /// <exception cref="OutputFileException">The file cannot be finished.</exception>
    public abstract void Complete();

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing) { }

    protected void RequireFrames(ReadOnlySpan<float> interleaved)
    {
        if (interleaved.Length % Channels != 0)
            throw new ArgumentException($"{interleaved.Length} samples are no whole frames of {Channels} channels", nameof(interleaved));
    }
}
