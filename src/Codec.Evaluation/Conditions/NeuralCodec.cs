using System.Diagnostics;
using Codec.Audio;
using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Files;

namespace Codec.Evaluation.Conditions;

/// <summary>One of our codecs with some of its books, through a compressed file as a user would make it.</summary>
/// <param name="family">Curve, e.g. "native".</param>
/// <param name="codec">Shared by all rates; stays the caller's.</param>
/// <param name="books">Books to keep.</param>
/// <param name="rate">Chooses a low band for each recording that takes so many bits a second of a channel; null: none is chosen.</param>
public sealed class NeuralCodec(string family, ICodec codec, int books, double? rate = null) : ICondition
{
    private const int Version = 4; // of how files are made: rows of others are not taken over

    public string Name { get; private init; } = FormattableString.Invariant($"{family}@{codec.Info.BitsPerSecond(books) / 1000:0.##}");
    public string Family { get; private init; } = family;
    public double? NominalBitsPerSecond { get; private init; } = codec.Info.BitsPerSecond(books);
    public string? Problem => null;

    public string Fingerprint(string relativePath) => $"{codec.Info.WeightHash} {Version}";

    /// <summary>Some books, and a low band that takes what they leave of a rate, on disk.</summary>
    /// <exception cref="ConfigException">The codec has no low band, or the rate is too low for one.</exception>
    public static NeuralCodec WithLowband(string family, ICodec codec, double bitsPerSecond)
        => LowbandRate.Books(codec.Info, bitsPerSecond, asked: true) is { } books ? Rated(family, codec, books, bitsPerSecond, "+auto")
            : throw new ConfigException(FormattableString.Invariant($"{family}@{bitsPerSecond / 1000}+auto: expected 2.2 kbit/s or more and a codec with a low band, found {codec.Info.Name}"));

    private static NeuralCodec Rated(string family, ICodec codec, int books, double rate, string suffix)
        => new(family, codec, books, rate) { Name = FormattableString.Invariant($"{family}@{rate / 1000:0.##}{suffix}"), NominalBitsPerSecond = rate };

    /// <summary>Some books and the waveform's low band; 0 steps: without. A curve of its own: a family's own is what a user gets who asks for a rate.</summary>
    /// <exception cref="ConfigException">The codec has no low band, or not so many books or steps.</exception>
    public static NeuralCodec WithLowband(string family, ICodec codec, int books, int steps)
    {
        var name = $"{family}@{books}+{steps}";
        Require.InRange(books, 1, codec.Info.Books.Count, name);
        if (steps == 0)
            return new NeuralCodec(family, codec, books) { Name = name, Family = $"{family}, books" };
        Require.InRange(steps, LowbandBooks.FewestSteps, LowbandBooks.MostSteps, name);
        var low = codec.WithLowband(books, steps);
        return new NeuralCodec(family, low, low.Info.Books.Count) { Name = name, NominalBitsPerSecond = null, Family = $"{family}, {books}+band" };
    }

    /// <summary>The books, the last one shrunk where its tables say how, that come nearest to a rate; or fewer and a low band, where that is better.</summary>
    public static NeuralCodec Nearest(string family, ICodec codec, double bitsPerSecond)
    {
        if (LowbandRate.Books(codec.Info, bitsPerSecond) is { } first)
            return Rated(family, codec, first, bitsPerSecond, "");
        var books = codec.Info.Books;
        var selection = NestedFile.Selections(codec.Info).MinBy(selection => Math.Abs(selection.BitsPerFrame(books) * codec.Info.FrameRate - bitsPerSecond))!;
        return new NeuralCodec(family, codec.WithNested(selection.Last), selection.Books);
    }

    public Transcoded Run(AudioBuffer input, ConditionContext context, CancellationToken cancellation)
    {
        var (original, coded, decoded) = (Path.Combine(context.Scratch, "in.wav"), Path.Combine(context.Scratch, "coded"), Path.Combine(context.Scratch, "out.wav"));
        AudioFile.Write(original, input);
        var start = context.Time.GetTimestamp();
        using (var reader = AudioFile.OpenRead(original))
        using (var file = File.Create(coded))
            Compress(reader, file, cancellation);
        var encoded = context.Time.GetTimestamp();
        using (var reader = new CodecFileReader(File.OpenRead(coded)))
        using (var writer = AudioFile.OpenWrite(decoded, input.SampleRate, input.Channels))
        {
            CodecFile.Decompress(reader, codec, writer, cancellation: cancellation);
            writer.Complete();
        }
        var end = context.Time.GetTimestamp();
        using var process = Process.GetCurrentProcess();
        return new Transcoded(AudioFile.Read(decoded))
        {
            Bytes = new FileInfo(coded).Length,
            EncodeTime = context.Time.GetElapsedTime(start, encoded),
            DecodeTime = context.Time.GetElapsedTime(encoded, end),
            MemoryBytes = process.PeakWorkingSet64 is > 0 and var memory ? memory : null,
            CodeCounts = Count(coded),
        };
    }

    private void Compress(AudioReader audio, Stream file, CancellationToken cancellation)
    {
        if (rate is { } wanted)
            LowbandRate.CompressOr(audio, codec, file, books, wanted * audio.Channels, (codec, books), cancellation: cancellation);
        else
            CodecFile.Compress(audio, codec, file, books, cancellation: cancellation);
    }

    /// <summary>Of every book, but of those of a low band: their sizes differ from file to file.</summary>
    private static int[][] Count(string path)
    {
        using var reader = new CodecFileReader(File.OpenRead(path));
        var counts = reader.Header.Books.Take(LowbandBooks.Before(reader.Header.Books)).Select(book => new int[book.Size]).ToArray();
        foreach (var codes in reader.ReadAll().Select(block => block.Codes).OfType<Codes>())
            for (var book = 0; book < counts.Length; book++)
                for (var item = 0; item < codes.Batch; item++)
                    foreach (var code in codes[book, item])
                        counts[book][code]++;
        return counts;
    }
}
