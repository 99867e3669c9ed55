using Codec.Audio;

namespace Codec.Core.Files;

/// <summary>Recordings to compressed files as good as a codec makes them at a rate: what <c>codec encode</c> does unless it is told how.</summary>
public static class RatedFile
{
    /// <summary>Audio to a compressed file: codes are searched for where the codec can, and a low band is taken where a rate is better spent on one.</summary>
    /// <param name="audio">Any rate, channels and length; read to its end.</param>
    /// <param name="codec">Of all books; stays the caller's.</param>
    /// <param name="output">Need not seek; stays open.</param>
    /// <param name="bitsPerSecond">The most of all channels together; null: <see cref="LowbandRate.Usual"/> of each channel where the codec has a low band, otherwise all books.</param>
    /// <param name="progress">Gets how much audio is done.</param>
    /// <param name="cancellation">Checked between blocks.</param>
    /// <exception cref="AudioFileException">The audio cannot be read.</exception>
    /// <exception cref="ConfigException">Nothing fits the rate.</exception>
    public static CompressionReport Compress(AudioReader audio, ICodec codec, Stream output, double? bitsPerSecond = null,
        IProgress<TimeSpan>? progress = null, CancellationToken cancellation = default)
    {
        var selection = bitsPerSecond is { } limit ? NestedFile.Fitting(codec.Info, limit, audio.Channels, "kbit/s") : null;
        using var searching = ISearchingCodec.ForFiles(codec);
        var whole = searching ?? codec;
        var (kept, books) = (whole.WithNested(selection?.Last), selection?.Books);
        var rate = bitsPerSecond ?? LowbandRate.Usual * audio.Channels;
        return LowbandRate.Books(codec.Info, rate / audio.Channels) is { } beside
            ? LowbandRate.CompressOr(audio, whole, output, beside, rate, (kept, books), progress, cancellation)
            : CodecFile.Compress(audio, kept, output, books, progress, cancellation);
    }
}
