using Codec.Audio;
using Codec.Core.Bitstream;
using Codec.Core.Bitstream.Prediction;

namespace Codec.Core.Files;

/// <summary>Compressed files of at most a given size.</summary>
public static class TargetedFile
{
    /// <summary>Audio to the file with the most, or largest, books that is not larger than wanted. The audio is coded once; books are dropped afterwards
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
        whole.Position = 0;
        var header = new CodecFileReader(whole, leaveOpen: true).Header;
        var choices = BookSelection.Of(header.Books, EntropyPriors.Find(header.Prior));
        var (low, high, smallest) = (-1, choices.Count - 1, report.Bytes); // choice low fits, choice high does not
        var best = report.Bytes <= bytes ? whole : null;
        while (best != whole && high - low > 1)
        {
            cancellation.ThrowIfCancellationRequested();
            var middle = (low + high) / 2;
            var dropped = new MemoryStream();
            whole.Position = 0;
            Transcoder.DropBooks(whole, dropped, _ => choices[middle]);
            if (dropped.Length <= bytes)
                (low, best) = (middle, dropped);
            else
                (high, smallest) = (middle, dropped.Length);
        }
        if (best is null)
            throw new ConfigException($"target size: expected at least {smallest} bytes, which the smallest book takes, found {bytes}");
        best.Position = 0;
        best.CopyTo(output);
        return report with { Books = best == whole ? report.Books : choices[low].Books, Bytes = best.Length };
    }
}
