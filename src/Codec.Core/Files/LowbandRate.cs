using Codec.Audio;
using Codec.Core.Bitstream;

namespace Codec.Core.Files;

/// <summary>
/// Rates at which bits are better spent on the waveform's low band than on fine books. What its steps cost depends on the recording, so they are chosen by
/// what its first minutes take.
/// </summary>
public static class LowbandRate
{
    /// <summary>Of a recording, that tell whether a low band fits at all.</summary>
    public const double ProbeSeconds = 60;

    /// <summary>Of a recording, by which its steps are chosen.</summary>
    public const double ChosenSeconds = 300;

    /// <summary>In bit/s of one stream: closer to the recording than all books by themselves, which take more.</summary>
    public const double Usual = 3200;

    private const int Fewest = 10, First = 80;
    private const int Guesses = 5;       // before halving
    private const double Power = 0.45;   // of the steps, with which bytes grow: about
    private const double Enough = 0.998; // of the rate: one more step hardly fits in
    private const int Samples = 60;      // stretches of a second that stand for a longer recording
    private const double Safe = 0.985;   // of the rate, where not all has been seen

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
    /// <param name="bitsPerSecond">On disk, of all channels together: at most in recordings up to <see cref="ChosenSeconds"/>, about that in longer ones.</param>
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
        var (samples, ended) = (beginning.Length ?? 0, audio.Whole);
        var held = CodecFile.Push(beginning, encoder, 0, null, progress, cancellation).ToList();
        if (audio.Whole)
            held.AddRange(encoder.Finish());
        if (held.Count == 0 || Share(held, Fewest) > 1)
            return null;
        audio.SkipBeginning();
        using var rest = Rest().GetEnumerator();
        var frames = held.Sum(codes => (long)codes.Frames);
        while (!ended && frames < ChosenSeconds * low.Info.FrameRate)
            if (rest.MoveNext())
            {
                held.Add(rest.Current);
                frames += rest.Current.Frames;
            }
            else
                ended = true;
        var steps = Steps();
        return Write(All(), low.Info, books, steps, () => samples, audio, output, waiting: 2 + held.Count); // what is held is written while the network goes on

        IEnumerable<Codes> Rest()
        {
            if (audio.Whole)
                yield break;
            foreach (var codes in CodecFile.Push(audio, encoder, samples, count => samples = count, progress, cancellation))
                yield return codes;
            foreach (var codes in encoder.Finish())
                yield return codes;
        }

        IEnumerable<Codes> All()
        {
            foreach (var codes in held)
                yield return codes;
            held.Clear();
            while (rest.MoveNext())
                yield return rest.Current;
        }

        int Steps()
        {
            var sample = Stretches(held, (int)low.Info.FrameRate);
            var chosen = MostSteps(steps => Share(sample, steps) / (ended ? 1 : Safe));
            while (ended && chosen > Fewest && Share(held, chosen) is > 1 and var share)
                chosen = (int)Math.Clamp(chosen * Math.Pow(share, -1 / Power), Fewest, chosen - 1);
            return chosen;
        }

        double Share(List<Codes> pieces, int steps)
        {
            cancellation.ThrowIfCancellationRequested();
            var seconds = ended && ReferenceEquals(pieces, held) ? (double)samples / audio.SampleRate : pieces.Sum(codes => codes.Frames) / low.Info.FrameRate;
            return Write(pieces, low.Info, books, steps, () => samples, audio, Stream.Null).Bytes * 8 / (seconds * bitsPerSecond);
        }
    }

    /// <summary>The most steps, but no fewer than the fewest, of which a share of the rate is at most one.</summary>
    private static int MostSteps(Func<int, double> shareOf)
    {
        var (fit, over, steps) = (Fewest, LowbandBooks.MostSteps + 1, First);
        for (var tries = 1; over - fit > 1; tries++)
        {
            var share = shareOf(steps);
            if (share <= 1)
                fit = steps;
            else
                over = steps;
            if (share is <= 1 and >= Enough)
                break;
            var next = tries < Guesses ? steps * Math.Pow(share, -1 / Power) : Math.Sqrt((double)fit * over);
            steps = (int)Math.Clamp(next, fit + 1, Math.Max(fit + 1, over - 1));
        }
        return fit;
    }

    /// <summary>A second here and there, evenly over all; all where that is not much more.</summary>
    private static List<Codes> Stretches(List<Codes> pieces, int second)
    {
        var frames = pieces.Sum(codes => (long)codes.Frames);
        if (frames <= (Samples + 2) * second) // a minute and the codec's delay
            return pieces;
        var stretches = new List<Codes>();
        long before = 0;
        foreach (var codes in pieces)
        {
            for (long start; stretches.Count < Samples && (start = stretches.Count * frames / Samples - before) < codes.Frames;)
                stretches.Add(codes.Slice((int)start, (int)Math.Min(second, codes.Frames - start)));
            before += codes.Frames;
        }
        return stretches;
    }

    private static CompressionReport Write(IEnumerable<Codes> pieces, CodecInfo low, int books, int steps, Func<long> samples, AudioReader audio, Stream output, int waiting = 2)
        => CodecFile.Write(pieces.Select(codes => LowbandBooks.WithSteps(codes, books, steps)), samples, audio, low with { Books = LowbandBooks.Of(low.Books, books, low.LowbandCoefficients, steps) }, output, waiting: waiting);
}
