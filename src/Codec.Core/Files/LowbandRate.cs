using Codec.Audio;
using Codec.Core.Bitstream;

namespace Codec.Core.Files;

/// <summary>
/// Rates at which bits are better spent on the waveform's low band than on fine books. What its steps cost depends on the recording, so they are chosen by
/// what its beginning takes.
/// </summary>
public static class LowbandRate
{
    /// <summary>Of a recording, that are looked at.</summary>
    public const double ProbeSeconds = 30;

    private const int StepsPerOctave = 6, Fewest = 10;
    private const double Margin = 0.995; // what steps cost is told from finer ones, nearly

    // Below, whole books sound more natural (DNSMOS, NISQA), though a low band comes closer to the recording (PESQ, ESTOI): its steps are coarse there.
    private const double Unasked = 2900;

    /// <summary>The books beside which a low band is worth a rate of one stream; null: whole books are better spent, or there is no low band.</summary>
    /// <param name="codec">Of all books.</param>
    /// <param name="bitsPerSecond">Of one stream.</param>
    /// <param name="asked">Where coming close to the recording counts more than sounding natural.</param>
    public static int? Books(CodecInfo codec, double bitsPerSecond, bool asked = false)
    {
        if (codec.LowbandCoefficients == 0 || !asked && bitsPerSecond < Unasked)
            return null;
        int? books = bitsPerSecond switch { < 2200 => null, < 2400 => 3, < 3700 => 4, < 5200 => 5, _ => 6 }; // what was best on dev (EXPERIMENTS.md)
        return books < codec.Books.Count ? books : null;
    }

    /// <summary>A codec with a low band whose steps take the rate in the beginning of a recording; null where even coarse ones take more.</summary>
    /// <param name="audio">Its beginning is looked at.</param>
    /// <param name="codec">Of all books; stays the caller's, and is used by the result.</param>
    /// <param name="books">Beside the low band.</param>
    /// <param name="bitsPerSecond">On disk, of all channels together.</param>
    /// <param name="cancellation">Checked between tries.</param>
    /// <exception cref="Checkpoints.CheckpointException">The codec has no low band.</exception>
    public static ICodec? Choose(ProbedReader audio, ICodec codec, int books, double bitsPerSecond, CancellationToken cancellation = default)
    {
        using var finest = codec.WithLowband(books, LowbandBooks.MostSteps);
        using var beginning = audio.Beginning();
        var pieces = CodecFile.Encode(beginning, finest, cancellation: cancellation).ToList();
        if (pieces.Count == 0 || beginning.Length is not { } samples)
            return null;
        var codes = Codes.Concat(pieces);
        var (low, high) = (-1, (int)Math.Floor(StepsPerOctave * Math.Log2((double)LowbandBooks.MostSteps / Fewest)) + 1); // low fits, high does not
        while (high - low > 1)
        {
            cancellation.ThrowIfCancellationRequested();
            var middle = (low + high) / 2;
            if (Bytes(codes, finest.Info, books, Steps(middle), audio, samples) * 8.0 * audio.SampleRate <= Margin * bitsPerSecond * samples)
                low = middle;
            else
                high = middle;
        }
        return low < 0 ? null : codec.WithLowband(books, Steps(low));
    }

    private static int Steps(int place) => (int)Math.Round(Fewest * Math.Pow(2, (double)place / StepsPerOctave));

    private static long Bytes(Codes finest, CodecInfo codec, int books, int steps, AudioReader audio, long samples)
    {
        var info = codec with { Books = LowbandBooks.Of(codec.Books, books, codec.LowbandCoefficients, steps) };
        var header = CodecFileHeader.For(info, codec.CatalogueId, info.Books.Count, audio.SampleRate, audio.Channels);
        using var writer = new CodecFileWriter(Stream.Null, header, leaveOpen: true);
        writer.Write(LowbandBooks.Coarser(finest, info.Books, books, steps));
        writer.Finish(samples);
        return writer.Bytes;
    }
}
