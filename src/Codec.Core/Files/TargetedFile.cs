using Codec.Audio;
using Codec.Core.Bitstream;

namespace Codec.Core.Files;

/// <summary>Compressed files of at most a given size.</summary>
public static class TargetedFile
{
    /// <summary>Audio to the file with the most books that is not larger than wanted. The audio is coded once; books are dropped afterwards
    /// (<see cref="Transcoder"/>). The compressed audio is held in memory meanwhile.</summary>
    /// <param name="audio">Read to its end.</param>
    /// <param name="codec">Stays the caller's.</param>
    /// <param name="output">Need not seek; stays open.</param>
    /// <param name="bytes">Largest size.</param>
    /// <param name="books">The most books; null for all.</param>
    /// <param name="progress">Gets how much audio is done.</param>
    /// <param name="cancellation">Checked between blocks.</param>
    /// <param name="tags">As in <see cref="CodecFileHeader.Tags"/>.</param>
    /// <exception cref="ConfigException">One book is too large already.</exception>
    public static CompressionReport Compress(AudioReader audio, ICodec codec, Stream output, long bytes, int? books = null,
        IProgress<TimeSpan>? progress = null, CancellationToken cancellation = default, string tags = "")
    {
        using var whole = new MemoryStream();
        var report = CodecFile.Compress(audio, codec, whole, books, progress, cancellation, tags);
        var (low, high, smallest) = (0, report.Books, report.Bytes); // low books fit, high do not
        var best = report.Bytes <= bytes ? whole : null;
        while (best != whole && high - low > 1)
        {
            cancellation.ThrowIfCancellationRequested();
            var middle = (low + high) / 2;
            var dropped = new MemoryStream();
            whole.Position = 0;
            Transcoder.DropBooks(whole, dropped, middle);
            if (dropped.Length <= bytes)
                (low, best) = (middle, dropped);
            else
                (high, smallest) = (middle, dropped.Length);
        }
        if (best is null)
            throw new ConfigException($"target size: expected at least {smallest} bytes, which one book takes, found {bytes}");
        best.Position = 0;
        best.CopyTo(output);
        return report with { Books = best == whole ? report.Books : low, Bytes = best.Length };
    }
}
