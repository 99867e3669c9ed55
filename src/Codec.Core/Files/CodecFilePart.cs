using Codec.Audio;
using Codec.Core.Bitstream;
using Codec.Core.Concealment;

namespace Codec.Core.Files;

/// <summary>
/// A part of a compressed file: reads and decodes only what the part needs, and what the codec's memory needs before it. The samples
/// are those of decoding everything and cutting, up to rounding.
/// </summary>
public static class CodecFilePart
{
    // Of a causal codec that names no bound: recurrent and attention layers have long forgotten what they heard earlier.
    private const double WarmUpSeconds = 10;

    /// <summary>A part of a compressed file to audio.</summary>
    /// <param name="file">Before its first block. A stream that cannot seek is read from the start, but decoded only where needed.</param>
    /// <param name="codec">The one that made the file; see <see cref="CodecFile.Check"/>.</param>
    /// <param name="part">In the time of the original; an end beyond it is the end.</param>
    /// <param name="audio">Has the file's channels; its rate may differ from the original one.</param>
    /// <param name="progress">Gets how much audio is done.</param>
    /// <param name="cancellation">Checked between blocks.</param>
    /// <param name="repair">Fills lost frames; by default <see cref="RepeatAndFade"/>.</param>
    /// <exception cref="ConfigException">The part starts after the end.</exception>
    public static DecompressionReport Decompress(CodecFileReader file, ICodec codec, TimeRange part, AudioWriter audio,
        IProgress<TimeSpan>? progress = null, CancellationToken cancellation = default, ILostFrameRepair? repair = null)
    {
        var (header, info) = (file.Header, codec.Info);
        (codec, repair) = (codec.WithBooksOf(header), NestedFile.Repair(repair, header));
        var from = Samples(part.Start, audio.SampleRate);
        var to = Math.Max(from, Samples(part.End, audio.SampleRate));
        var reach = new Resampler(info.SampleRate, audio.SampleRate).Reach;
        using var decoder = new AudioDecoder(codec, audio.SampleRate, header.Channels, StartFrame(info, header, (long)((Int128)from * info.SampleRate / audio.SampleRate) - reach));
        var needed = EndFrame(info, (Int128)to * info.SampleRate / audio.SampleRate + reach + 1);
        file.Seek(decoder.FirstFrame);
        RequireStart(from, Length(file, audio.SampleRate), audio.SampleRate);
        var cut = new Cut(decoder, audio, from, to);
        var concealer = new Concealer(repair ?? new RepeatAndFade(header.FrameRate), header.Books, header.Streams);
        var end = decoder.FirstFrame;
        while (end < needed && file.Read() is { } block)
        {
            cancellation.ThrowIfCancellationRequested();
            foreach (var piece in SegmentDecoder.Pieces(info, block, concealer))
                cut.Play(piece, header.Books);
            end = block.StartFrame + block.Frames;
            progress?.Report(TimeSpan.FromSeconds((double)cut.Written / audio.SampleRate));
        }
        foreach (var piece in concealer.Finish())
            cut.Play(piece, header.Books);
        if (file.Samples is not null)
            CodecFile.RequirePlausible(file.Samples, Math.Max(end, file.Frames ?? 0), header);
        var length = Length(file, audio.SampleRate) ?? (end < needed ? Resampler.OutputLength(end * info.HopLength, info.SampleRate, audio.SampleRate) : null);
        RequireStart(from, length, audio.SampleRate);
        to = Math.Min(to, length ?? to);
        cut.Finish(to);
        return Report(file, from, from + cut.Written, audio.SampleRate);
    }

    private static long StartFrame(CodecInfo info, CodecFileHeader header, long sample)
    {
        if (info.SegmentLength is not null)
            return 0; // segments overlap: their frames are no measure of time
        var frame = Math.Max(0, sample / info.HopLength);
        if (info.Causal)
            frame = Math.Max(0, frame - (info.DecoderMemoryFrames ?? (long)Math.Ceiling(WarmUpSeconds * info.FrameRate)));
        var grid = info.Causal ? Math.Max(info.DecoderGridFrames, CodecFileHeader.CommonStride(header.Books)) : BlockPlan.For(info).Frames;
        return frame / grid * grid;
    }

    /// <summary>Where the codes may end that are needed for samples before one.</summary>
    private static long EndFrame(CodecInfo info, Int128 sample)
    {
        if (info.SegmentLength is not null)
            return long.MaxValue / 2;
        var plan = BlockPlan.For(info);
        var frame = (sample + info.DelaySamples + 2 * info.HopLength) / info.HopLength;
        return (long)Int128.Min(long.MaxValue / 2, info.Causal ? frame : (frame / plan.Frames + 1) * plan.Frames + plan.Context);
    }

    /// <summary>Samples per channel of a part; null where the length of the whole is not known.</summary>
    public static long? Length(CodecFileReader file, TimeRange part, int rate)
        => Length(file, rate) is { } all ? Math.Max(0, Math.Min(all, Samples(part.End, rate)) - Samples(part.Start, rate)) : null;

    private static long? Length(CodecFileReader file, int rate)
        => file.Samples is { } samples ? Resampler.OutputLength(samples, file.Header.OriginalRate, rate) : null;

    private static void RequireStart(long from, long? length, int rate)
    {
        if (from > 0 && from >= length)
            throw new ConfigException(FormattableString.Invariant(
                $"the part starts at {(double)from / rate:0.###} s, but the recording ends at {(double)length / rate:0.###} s"));
    }

    private static long Samples(TimeSpan time, int rate)
        => (long)Int128.Min(long.MaxValue / 4, ((Int128)time.Ticks * rate + TimeSpan.TicksPerSecond / 2) / TimeSpan.TicksPerSecond);

    private static DecompressionReport Report(CodecFileReader file, long from, long to, int rate)
    {
        var (start, end) = ((double)from / rate, (double)to / rate);
        var lost = CodecFile.LostTimes(file)
            .Select(range => new TimeRange(TimeSpan.FromSeconds(Math.Max(start, range.Start.TotalSeconds)), TimeSpan.FromSeconds(Math.Min(end, range.End.TotalSeconds))))
            .Where(range => range.End > range.Start).ToList();
        long Frames(double seconds) => (long)Math.Round(seconds * file.Header.FrameRate);
        return new DecompressionReport(to - from, Frames(end - start), lost.Sum(range => Frames((range.End - range.Start).TotalSeconds)), file.Truncated, lost);
    }

    /// <summary>Writes what lies between two samples of what a decoder gives.</summary>
    private sealed class Cut(AudioDecoder decoder, AudioWriter audio, long from, long to)
    {
        private long _place = decoder.FirstSample;

        public long Written { get; private set; }

        public void Play(PlayedFrames piece, IReadOnlyList<CodebookSpec> books)
        {
            var skip = (int)Math.Clamp(decoder.FirstFrame - piece.StartFrame, 0, piece.Frames);
            if (skip == piece.Frames)
                return;
            Write(piece.Codes is { } codes
                ? decoder.Push(skip == 0 ? codes : codes.Slice(skip, piece.Frames - skip), piece.Gains?.Skip(skip).ToArray())
                : decoder.PushLost(piece.Frames - skip, books), to);
        }

        public void Finish(long end)
        {
            if (from + Written >= end)
                return;
            Write(decoder.Finish(null), end);
            for (long missing; (missing = end - from - Written) > 0;)
            {
                var silence = (int)Math.Min(missing, 1 << 14);
                audio.Write(new float[silence * audio.Channels]);
                Written += silence;
            }
        }

        private void Write(ReadOnlySpan<float> interleaved, long end)
        {
            var count = interleaved.Length / audio.Channels;
            var first = (int)Math.Clamp(from - _place, 0, count);
            var last = (int)Math.Clamp(end - _place, first, count);
            audio.Write(interleaved[(first * audio.Channels)..(last * audio.Channels)]);
            Written += last - first;
            _place += count;
        }
    }
}
