using System.Globalization;
using Codec.Audio;
using Codec.Core.Bitstream;
using Codec.Core.Checkpoints;
using Codec.Core.Concealment;
using Codec.Core.Pretrained;
using Codec.Core.Runtime;

namespace Codec.Core.Files;

/// <summary>Recordings to compressed files and back, block by block: memory does not grow with the length.</summary>
public static class CodecFile
{
    /// <summary>The usual extension.</summary>
    public const string Extension = ".cdc";

    private const int ReadSamples = 1 << 15;

    /// <summary>Audio to a compressed file.</summary>
    /// <param name="audio">Any rate, channels and length; read to its end.</param>
    /// <param name="codec">Stays the caller's.</param>
    /// <param name="output">Need not seek; stays open.</param>
    /// <param name="books">Books to keep; null for all.</param>
    /// <param name="progress">Gets how much audio is done.</param>
    /// <param name="cancellation">Checked between blocks.</param>
    /// <param name="tags">As in <see cref="CodecFileHeader.Tags"/>.</param>
    /// <exception cref="AudioFileException">The audio cannot be read.</exception>
    public static CompressionReport Compress(AudioReader audio, ICodec codec, Stream output, int? books = null,
        IProgress<TimeSpan>? progress = null, CancellationToken cancellation = default, string tags = "")
    {
        long samples = 0;
        return Write(Encode(audio, codec, books, count => samples = count, progress, cancellation), () => samples, audio, codec.Info, output, books, tags);
    }

    /// <summary>Codes of a recording to a compressed file.</summary>
    /// <param name="pieces">Walked on a thread of its own where there is one to spare.</param>
    /// <param name="counted">The samples per channel that all pieces hold; asked for behind the last.</param>
    /// <param name="audio">That the codes are of; not read.</param>
    /// <param name="codec">That the codes are of.</param>
    /// <param name="output">Need not seek; stays open.</param>
    /// <param name="books">In the codes; null for all of the codec.</param>
    /// <param name="tags">As in <see cref="CodecFileHeader.Tags"/>.</param>
    /// <param name="waiting">Pieces that may wait to be written, at most.</param>
    internal static CompressionReport Write(IEnumerable<Codes> pieces, Func<long> counted, AudioReader audio, CodecInfo codec, Stream output, int? books = null, string tags = "", int waiting = 2)
    {
        var header = CodecFileHeader.For(codec, codec.CatalogueId, books ?? codec.Books.Count, audio.SampleRate, audio.Channels) with { Tags = tags };
        using var writer = new CodecFileWriter(output, header, leaveOpen: true);
        long frames = 0;
        using var share = ProcessorShare.Begin(TorchRuntime.Threads);
        foreach (var codes in Ahead.Of(pieces, TorchRuntime.Threads, waiting))
        {
            share.Enter(CancellationToken.None);
            try
            {
                SegmentSide.Write(writer, codes);
            }
            finally
            {
                share.Leave();
            }
            frames += codes.Frames;
        }
        var samples = counted();
        writer.Finish(samples);
        return new CompressionReport(samples, audio.SampleRate, audio.Channels, header.Books.Count, frames, writer.Bytes, [.. audio.Warnings, .. BlockPlan.Notices(codec, samples, audio.SampleRate)]);
    }

    /// <summary>Audio to codes, piece by piece.</summary>
    /// <param name="audio">Read to its end.</param>
    /// <param name="codec">Stays the caller's.</param>
    /// <param name="books">Books to keep; null for all.</param>
    /// <param name="counted">Gets the samples per channel read so far.</param>
    /// <param name="progress">Gets how much audio is done.</param>
    /// <param name="cancellation">Checked between blocks.</param>
    public static IEnumerable<Codes> Encode(AudioReader audio, ICodec codec, int? books = null, Action<long>? counted = null,
        IProgress<TimeSpan>? progress = null, CancellationToken cancellation = default)
    {
        using var encoder = new AudioEncoder(codec, audio.SampleRate, audio.Channels, books);
        foreach (var codes in Push(audio, encoder, 0, counted, progress, cancellation))
            yield return codes;
        foreach (var codes in encoder.Finish())
            yield return codes;
    }

    /// <summary>Audio to an encoder, which is not told that it ends.</summary>
    /// <param name="before">Samples per channel that it has already had.</param>
    internal static IEnumerable<Codes> Push(AudioReader audio, AudioEncoder encoder, long before, Action<long>? counted, IProgress<TimeSpan>? progress, CancellationToken cancellation)
    {
        var block = new float[Math.Max(1, ReadSamples / audio.Channels) * audio.Channels];
        var samples = before;
        for (int count; (count = audio.Read(block)) > 0;)
        {
            samples += count / audio.Channels;
            counted?.Invoke(samples);
            foreach (var codes in encoder.Push(block.AsSpan(0, count)))
                yield return codes;
            progress?.Report(TimeSpan.FromSeconds((double)samples / audio.SampleRate));
            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>A compressed file to audio of exactly the original length. Lost blocks are concealed.</summary>
    /// <param name="file">Before its first block.</param>
    /// <param name="codec">The one that made the file; see <see cref="Check"/>.</param>
    /// <param name="audio">Has the file's channels; its rate may differ from the original one.</param>
    /// <param name="progress">Gets how much audio is done.</param>
    /// <param name="cancellation">Checked between blocks.</param>
    /// <param name="repair">Fills lost frames; by default <see cref="RepeatAndFade"/>.</param>
    /// <exception cref="BitstreamException">The file declares more audio than its frames can hold.</exception>
    public static DecompressionReport Decompress(CodecFileReader file, ICodec codec, AudioWriter audio,
        IProgress<TimeSpan>? progress = null, CancellationToken cancellation = default, ILostFrameRepair? repair = null)
    {
        var header = file.Header;
        (codec, repair) = (codec.WithBooksOf(header), NestedFile.Repair(repair, header));
        using var decoder = new AudioDecoder(codec, audio.SampleRate, header.Channels);
        var concealer = new Concealer(repair ?? new RepeatAndFade(header.FrameRate), header.Books, header.Streams);
        long frames = 0, written = 0;
        // The codec takes many blocks at a time: those of its next piece are unpacked while it works on this one.
        var waiting = 2 + 2 * BlockPlan.For(codec.Info).Frames / header.BlockFrames;
        using var share = ProcessorShare.Begin(TorchRuntime.Threads);
        foreach (var block in Ahead.Of(file.ReadAll(), TorchRuntime.Threads, waiting, oneThread: true))
        {
            cancellation.ThrowIfCancellationRequested();
            foreach (var piece in SegmentDecoder.Pieces(codec.Info, block, concealer))
                Play(piece);
            frames += block.Frames;
            progress?.Report(Time(frames / header.FrameRate));
        }
        foreach (var piece in concealer.Finish())
            Play(piece);
        RequirePlausible(file.Samples, frames, header);
        long? samples = file.Samples is { } original ? Resampler.OutputLength(original, header.OriginalRate, audio.SampleRate) : null;
        Write(decoder.Finish(samples));
        return new DecompressionReport(written, frames, file.Lost.Sum(lost => lost.Frames), file.Truncated, LostTimes(file));

        void Play(PlayedFrames piece)
            => Write(piece.Codes is { } codes ? decoder.Push(codes, piece.Gains) : decoder.PushLost(piece.Frames, header.Books));

        void Write(ReadOnlySpan<float> interleaved)
        {
            audio.Write(interleaved);
            written += interleaved.Length / header.Channels;
        }
    }

    /// <exception cref="BitstreamException">A file declares more audio than its frames can hold.</exception>
    internal static void RequirePlausible(long? samples, long frames, CodecFileHeader header)
    {
        var most = ((double)frames + 1) * header.HopLength / header.SampleRate * header.OriginalRate + 1;
        if (samples > most)
            throw new BitstreamException("samples", 0, FormattableString.Invariant($"at most {most:0} ({frames} frames)"), FormattableString.Invariant($"{samples}"));
    }

    /// <summary>Where codes are missing, in the time of the original.</summary>
    public static IReadOnlyList<TimeRange> LostTimes(CodecFileReader file)
    {
        var (rate, header) = (file.Header.FrameRate, file.Header);
        var end = file.Samples is { } samples ? (double)samples / header.OriginalRate : double.PositiveInfinity;
        return [.. file.Lost.Where(lost => lost.Start / rate < end).Select(lost =>
            new TimeRange(Time(lost.Start / rate), Time(Math.Min(end, (lost.Start + lost.Frames) / rate))))];
    }

    /// <summary>Headers can declare more seconds than a time span holds.</summary>
    private static TimeSpan Time(double seconds) => TimeSpan.FromSeconds(Math.Min(seconds, 1e11));

    /// <summary>Codes to audio.</summary>
    /// <param name="codes">One batch item per group of channels.</param>
    /// <param name="codec">The one that made the codes.</param>
    /// <param name="audio">Of any rate.</param>
    /// <param name="samples">Exact samples per channel at the rate of <paramref name="audio"/>; null for all that the frames hold.</param>
    /// <param name="cancellation">Checked between blocks.</param>
    public static void Decode(Codes codes, ICodec codec, AudioWriter audio, long? samples, CancellationToken cancellation = default)
    {
        using var decoder = new AudioDecoder(codec, audio.SampleRate, audio.Channels);
        if (codes.Segments is { } segments)
        {
            for (var i = 0; i < segments.Count; i++)
                audio.Write(decoder.Push(codes.SliceSegments(i, 1)));
            audio.Write(decoder.Finish(samples));
            return;
        }
        var step = BlockPlan.For(codec.Info).Frames;
        for (var start = 0; start < codes.Frames; start += step)
        {
            cancellation.ThrowIfCancellationRequested();
            audio.Write(decoder.Push(codes.Slice(start, Math.Min(step, codes.Frames - start))));
        }
        audio.Write(decoder.Finish(samples));
    }

    /// <summary>Whether a codec can decode a file.</summary>
    /// <param name="header">Of the file.</param>
    /// <param name="codec">Candidate.</param>
    /// <param name="name">The file, for the message.</param>
    /// <exception cref="CheckpointException">The file was made by other weights, or by a codec of another shape.</exception>
    public static void Check(CodecFileHeader header, CodecInfo codec, string name)
    {
        var found = CodecFileHeader.HashPrefix(codec.WeightHash);
        if (header.WeightHash != 0 && found != 0 && !PretrainedModels.HaveSameCodes(header.WeightHash, found))
            throw new CheckpointException(name, $"was made with weights {Hex(header.WeightHash)}..., found {codec.Name} with {Hex(found)}...: give its model with --model");
        var books = header.Books.Take(LowbandBooks.Before(header.Books)).ToArray();
        if (header.SampleRate != codec.SampleRate || header.HopLength != codec.HopLength || !VariableBooks.Are(header.Books, codec.Books)
            && !header.Books.SequenceEqual(codec.Books)
            && !books.Select(book => book.NestedIn == 0 ? book : new CodebookSpec(book.NestedIn)).SequenceEqual(codec.Books.Take(books.Length)))
            throw new CheckpointException(name, $"holds {Shape(header.SampleRate, header.HopLength, header.Books)}, "
                + $"found {codec.Name} with {Shape(codec.SampleRate, codec.HopLength, codec.Books)}");
    }

    private static string Hex(uint prefix) => prefix.ToString("x8", CultureInfo.InvariantCulture);

    private static string Shape(int rate, int hop, IReadOnlyList<CodebookSpec> books)
        => string.Create(CultureInfo.InvariantCulture, $"{books.Count} books of {string.Join('/', books.Select(b => b.Size).Distinct())} at {rate} Hz, {(double)rate / hop:0.##} frames/s");
}
