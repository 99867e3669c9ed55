namespace Codec.Audio;

/// <summary>Audio read block by block: a ten-hour file never sits in memory. Not thread-safe.</summary>
public abstract class AudioReader : IDisposable
{
    private readonly List<string> _warnings = [];

    /// <summary>Hz.</summary>
    public abstract int SampleRate { get; }

    public abstract int Channels { get; }

    /// <summary>Samples per channel; null where only reading to the end will tell (a pipe).</summary>
    public abstract long? Length { get; }

    /// <summary>What was odd but bearable, e.g. a file that ends before its header says; one line each. Grows while reading.</summary>
    public virtual IReadOnlyList<string> Warnings => _warnings;

    /// <summary>Reads the next samples, channels interleaved, nominally in [-1, 1].</summary>
    /// <param name="interleaved">Filled as far as there is audio; whole frames only.</param>
    /// <returns>Floats written, a multiple of <see cref="Channels"/>; 0 only at the end
    /// (or for a span shorter than one frame).</returns>
    /// <exception cref="AudioFileException">The data cannot be read.</exception>
    public abstract int Read(Span<float> interleaved);

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing) { }

    protected void Warn(string warning) => _warnings.Add(warning);
}
