using System.Buffers.Binary;

namespace Codec.Audio.Wav;

/// <summary>What stands before the samples of a RIFF, RF64 or BW64 WAVE file.</summary>
/// <param name="Encoding">Null for a compressed format that is not read here.</param>
/// <param name="FormatTag">wFormatTag, or that of the extensible subformat.</param>
/// <param name="SampleRate">Hz.</param>
/// <param name="Channels">At least 1.</param>
/// <param name="DataBytes">Declared size of the samples; null where the writer did not know (a pipe).</param>
internal sealed record WavHeader(SampleEncoding? Encoding, int FormatTag, int SampleRate, int Channels, long? DataBytes)
{
    public const int TagPcm = 1, TagFloat = 3, TagALaw = 6, TagMuLaw = 7, TagExtensible = 0xFFFE;
    public const int MaxChannels = 1024, MaxSampleRate = 10_000_000;
    public const uint Unknown = 0xFFFFFFFF;
    private const uint SoxPipe = 0x7FFFF000; // what sox declares on a pipe, rounded down to whole frames

    /// <summary>The tail that turns a format tag into a subformat GUID.</summary>
    public static ReadOnlySpan<byte> SubformatTail => [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71];

    /// <summary>Reads up to the first sample.</summary>
    /// <param name="stream">At its start; need not be seekable.</param>
    /// <param name="name">For messages.</param>
    /// <exception cref="AudioFileException">Not a WAV, cut short, or contradictory.</exception>
    public static WavHeader Read(Stream stream, string name)
    {
        var chunks = new RiffChunks(stream, name);
        long? longData = null;
        WavHeader? format = null;
        while (chunks.Next() is var (id, size))
            switch (id)
            {
                case "ds64":
                    longData = BinaryPrimitives.ReadInt64LittleEndian(chunks.Take(28, 28)[8..]);
                    break;
                case "fmt ":
                    format = Format(chunks.Take(16, 40), name);
                    break;
                case "data" when format is null:
                    throw new AudioFileException(name, "no fmt chunk before the data");
                case "data":
                    return format with { DataBytes = DataSize(chunks, size, longData, format, name) };
            }
        throw new AudioFileException(name, format is null ? "ends before its fmt chunk" : "ends before its data chunk");
    }

    private static long? DataSize(RiffChunks chunks, uint size, long? longData, WavHeader format, string name)
    {
        if (size == Unknown && longData is { } length and not 0)
            return length is > 0 and < long.MaxValue - 4096 ? length : throw new AudioFileException(name, $"ds64 declares {(ulong)length} bytes of data");
        var frame = format.Encoding is { } encoding ? (uint)(Samples.Bytes(encoding) * format.Channels) : 1;
        if (size == Unknown || size / frame == SoxPipe / frame && size <= SoxPipe)
            return null;
        // 0 is what a pipe writer leaves behind, unless the RIFF size says that other chunks follow an empty one.
        return size == 0 && !chunks.DeclaresMore ? null : size;
    }

    private static WavHeader Format(ReadOnlySpan<byte> fmt, string name)
    {
        int tag = BinaryPrimitives.ReadUInt16LittleEndian(fmt), channels = BinaryPrimitives.ReadUInt16LittleEndian(fmt[2..]);
        var rate = BinaryPrimitives.ReadUInt32LittleEndian(fmt[4..]);
        int blockAlign = BinaryPrimitives.ReadUInt16LittleEndian(fmt[12..]), bits = BinaryPrimitives.ReadUInt16LittleEndian(fmt[14..]);
        if (tag == TagExtensible)
        {
            if (fmt.Length < 40)
                throw new AudioFileException(name, $"extensible fmt chunk: expected 40 bytes, found {fmt.Length}");
            tag = fmt.Slice(26, 14).SequenceEqual(SubformatTail) ? BinaryPrimitives.ReadUInt16LittleEndian(fmt[24..]) : TagExtensible;
        }
        if (channels is 0 or > MaxChannels)
            throw new AudioFileException(name, $"channels: expected 1 to {MaxChannels}, found {channels}");
        if (rate is 0 or > MaxSampleRate)
            throw new AudioFileException(name, $"sample rate: expected 1 to {MaxSampleRate} Hz, found {rate}");
        SampleEncoding? encoding = (tag, (bits + 7) / 8) switch // odd widths such as 12 or 20 bits are left-justified in whole bytes
        {
            (TagPcm, 1) => SampleEncoding.Pcm8,
            (TagPcm, 2) => SampleEncoding.Pcm16,
            (TagPcm, 3) => SampleEncoding.Pcm24,
            (TagPcm, 4) => SampleEncoding.Pcm32,
            (TagFloat, 4) => SampleEncoding.Float32,
            (TagFloat, 8) => SampleEncoding.Float64,
            (TagALaw, 1) => SampleEncoding.ALaw,
            (TagMuLaw, 1) => SampleEncoding.MuLaw,
            (TagPcm or TagFloat or TagALaw or TagMuLaw, _) => throw new AudioFileException(name, $"format {tag} with {bits} bits per sample"),
            _ => null,
        };
        if (encoding is { } known && blockAlign != Samples.Bytes(known) * channels)
            throw new AudioFileException(name, $"block align: expected {Samples.Bytes(known) * channels} for {channels} channels of {bits} bits, found {blockAlign}");
        return new WavHeader(encoding, tag, (int)rate, channels, null);
    }
}
