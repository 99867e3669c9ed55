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
    public const double ProbeSeconds = 60;

    /// <summary>In bit/s of one stream: closer to the recording than all books by themselves, which take more.</summary>
    public const double Usual = 3200;

    private const int Fewest = 10, First = 80;
    private const int Guesses = 5;       // before halving
    private const double Power = 0.45;   // of the steps, with which bytes grow: about
    private const double Enough = 0.998; // of the rate: one more step hardly fits in

    // Below, whole books sound more natural (DNSMOS, NISQA), though a low band comes closer to the recording (PESQ, ESTOI): its steps are coarse there.
    private const double Unasked = 2700;

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

    /// <summary>As <see cref="Compress"/>; where even the coarsest low band takes more, without one.</summary>
    /// <param name="audio">Read to its end.</param>
    /// <param name="codec">Of all books; stays the caller's.</param>
    /// <param name="output">Need not seek; stays open.</param>
    /// <param name="books">Beside the low band.</param>
    /// <param name="bitsPerSecond">On disk, of all channels together.</param>
    /// <param name="otherwise">What is kept where there is no low band.</param>
    /// <param name="progress">Gets how much audio is done.</param>
    /// <param name="cancellation">Checked between blocks and tries.</param>
    /// <exception cref="AudioFileException">The audio cannot be read.</exception>
    /// <exception cref="Checkpoints.CheckpointException">The codec has no low band.</exception>
    public static CompressionReport CompressOr(AudioReader audio, ICodec codec, Stream output, int books, double bitsPerSecond, (ICodec Codec, int? Books) otherwise,
        IProgress<TimeSpan>? progress = null, CancellationToken cancellation = default)
    {
        using var probed = new ProbedReader(audio, ProbeSeconds);
        return Compress(probed, codec, output, books, bitsPerSecond, progress, cancellation)
            ?? CodecFile.Compress(probed, otherwise.Codec, output, otherwise.Books, progress, cancellation);
    }

    /// <summary>Audio to a compressed file with a low band of as many steps as a rate lets be. It is coded once: other steps are other roundings of the same numbers.</summary>
    /// <param name="audio">Read to its end, where something fits.</param>
    /// <param name="codec">Of all books; stays the caller's.</param>
    /// <param name="output">Need not seek; stays open.</param>
    /// <param name="books">Beside the low band.</param>
    /// <param name="bitsPerSecond">On disk, of all channels together: at most, but for what follows the beginning of a longer recording.</param>
    /// <param name="progress">Gets how much audio is done.</param>
    /// <param name="cancellation">Checked between blocks and tries.</param>
    /// <returns>Null where even the coarsest low band takes more: then nothing was written and <paramref name="audio"/> has still to be read.</returns>
    /// <exception cref="AudioFileException">The audio cannot be read.</exception>
    /// <exception cref="Checkpoints.CheckpointException">The codec has no low band.</exception>
    public static CompressionReport? Compress(ProbedReader audio, ICodec codec, Stream output, int books, double bitsPerSecond,
        IProgress<TimeSpan>? progress = null, CancellationToken cancellation = default)
    {
        using var low = codec.WithLowband(books, LowbandBooks.MostSteps);
        using var encoder = new AudioEncoder(low, audio.SampleRate, audio.Channels);
        using var beginning = audio.Beginning();
        var begun = beginning.Length ?? 0;
        var pieces = CodecFile.Push(beginning, encoder, 0, null, progress, cancellation).ToList();
        if (audio.Whole)
            pieces.AddRange(encoder.Finish());
        if (Steps(pieces, low.Info, books, bitsPerSecond, audio, begun, cancellation) is not { } steps)
            return null;
        var samples = begun;
        audio.SkipBeginning();
        return Write(All(), low.Info, books, steps, () => samples, audio, output);

        IEnumerable<Codes> All()
        {
            foreach (var codes in pieces)
                yield return codes;
            pieces.Clear();
            if (audio.Whole)
                yield break;
            foreach (var codes in CodecFile.Push(audio, encoder, begun, count => samples = count, progress, cancellation))
                yield return codes;
            foreach (var codes in encoder.Finish())
                yield return codes;
        }
    }

    /// <summary>The most steps that fit; null: none do.</summary>
    private static int? Steps(List<Codes> pieces, CodecInfo low, int books, double bitsPerSecond, ProbedReader audio, long samples, CancellationToken cancellation)
    {
        if (pieces.Count == 0)
            return null;
        var seconds = audio.Whole ? (double)samples / audio.SampleRate : pieces.Sum(codes => codes.Frames) / low.FrameRate;
        var (fit, over, steps) = (Fewest - 1, LowbandBooks.MostSteps + 1, First);
        for (var tries = 1; ; tries++)
        {
            cancellation.ThrowIfCancellationRequested();
            var share = Write(pieces, low, books, steps, () => samples, audio, Stream.Null).Bytes * 8 / (seconds * bitsPerSecond);
            if (share <= 1)
                fit = steps;
            else
                over = steps;
            if (over - fit <= 1 || share is <= 1 and >= Enough)
                return fit >= Fewest ? fit : null;
            var next = tries < Guesses ? steps * Math.Pow(share, -1 / Power) : Math.Sqrt((double)fit * over);
            steps = (int)Math.Clamp(next, fit + 1, over - 1);
        }
    }

    private static CompressionReport Write(IEnumerable<Codes> pieces, CodecInfo low, int books, int steps, Func<long> samples, AudioReader audio, Stream output)
        => CodecFile.Write(pieces.Select(codes => LowbandBooks.WithSteps(codes, books, steps)), samples, audio, low with { Books = LowbandBooks.Of(low.Books, books, low.LowbandCoefficients, steps) }, output);
}
