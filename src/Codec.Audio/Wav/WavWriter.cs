using System.Buffers.Binary;

namespace Codec.Audio.Wav;

/// <summary>
/// WAV to any stream. Where the length is known or the stream can seek, the header is exact; else it says "unknown"
/// as pipes do. A JUNK chunk is reserved where the file may outgrow 4 GiB, and becomes the ds64 chunk of RF64
/// (EBU Tech 3306) when it does.
/// </summary>
internal sealed class WavWriter : AudioWriter
{
    private const int Ds64Bytes = 28, BufferFrames = 4096;
    private readonly Stream _stream;
    private readonly SampleEncoding _encoding;
    private readonly long? _promised;  // samples per channel
    private readonly long _start;      // of the RIFF in the stream
    private readonly bool _reserved;
    private readonly byte[] _buffer;
    private long _bytes;
    private bool _finished;

    /// <param name="stream">Stays open.</param>
    /// <param name="sampleRate">Hz.</param>
    /// <param name="channels">1 to 1024.</param>
    /// <param name="encoding">Of the samples.</param>
    /// <param name="length">Samples per channel if known: gives the plain 44-byte header, and exact sizes on a pipe.</param>
    public WavWriter(Stream stream, int sampleRate, int channels, SampleEncoding encoding = SampleEncoding.Pcm16, long? length = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(sampleRate);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(channels);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(channels, WavHeader.MaxChannels);
        (_stream, SampleRate, Channels, _encoding, _promised) = (stream, sampleRate, channels, encoding, length);
        _start = stream.CanSeek ? stream.Position : 0;
        _buffer = new byte[BufferFrames * FrameBytes];
        _reserved = length is not { } known ? stream.CanSeek : IsLong(known * FrameBytes);
        WriteHeader(length * FrameBytes);
    }

    public override int SampleRate { get; }

    public override int Channels { get; }

    private int FrameBytes => Samples.Bytes(_encoding) * Channels;

    private bool IsFloat => _encoding is SampleEncoding.Float32 or SampleEncoding.Float64;

    private bool IsExtensible => Channels > 2;

    private bool HasFact => IsFloat || _encoding is SampleEncoding.ALaw or SampleEncoding.MuLaw;

    private int FormatBytes => IsExtensible ? 40 : HasFact ? 18 : 16;

    private int HeaderBytes => 12 + (_reserved ? 8 + Ds64Bytes : 0) + 8 + FormatBytes + (HasFact ? 12 : 0) + 8;

    public override void Write(ReadOnlySpan<float> interleaved)
    {
        ObjectDisposedException.ThrowIf(_finished, this);
        RequireFrames(interleaved);
        for (var block = BufferFrames * Channels; !interleaved.IsEmpty; interleaved = interleaved[Math.Min(block, interleaved.Length)..])
        {
            var samples = interleaved[..Math.Min(block, interleaved.Length)];
            var bytes = _buffer.AsSpan(0, samples.Length * Samples.Bytes(_encoding));
            Samples.Encode(_encoding, samples, bytes);
            _stream.Write(bytes);
            _bytes += bytes.Length;
        }
    }

    public override void Complete()
    {
        ObjectDisposedException.ThrowIf(_finished, this);
        _finished = true;
        if (_promised is { } promised && promised * FrameBytes != _bytes)
            throw new InvalidOperationException($"{promised} samples were announced, {_bytes / FrameBytes} written");
        if ((_bytes & 1) != 0)
            _stream.WriteByte(0);
        if (_promised is null && _stream.CanSeek)
        {
            var end = _stream.Position;
            _stream.Position = _start;
            WriteHeader(_bytes);
            _stream.Position = end;
        }
        _stream.Flush();
    }

    private bool IsLong(long bytes) => bytes + HeaderBytes > uint.MaxValue - 8L - Ds64Bytes - 8;

    private void WriteHeader(long? bytes)
    {
        var header = new byte[HeaderBytes];
        var rest = new HeaderSpan(header);
        var longForm = _reserved && bytes is { } known && IsLong(known);
        var padded = bytes + (bytes & 1);
        rest.Id(longForm ? "RF64"u8 : "RIFF"u8);
        rest.U32(longForm ? WavHeader.Unknown : Size32(padded + HeaderBytes - 8));
        rest.Id("WAVE"u8);
        if (_reserved)
            WriteReserve(ref rest, longForm, bytes ?? 0, padded ?? 0);
        WriteFormat(ref rest);
        if (HasFact)
        {
            rest.Id("fact"u8);
            rest.U32(4);
            rest.U32(longForm ? WavHeader.Unknown : Size32(bytes / FrameBytes));
        }
        rest.Id("data"u8);
        rest.U32(longForm ? WavHeader.Unknown : Size32(bytes));
        _stream.Write(header);
    }

    private void WriteReserve(ref HeaderSpan rest, bool longForm, long bytes, long padded)
    {
        rest.Id(longForm ? "ds64"u8 : "JUNK"u8);
        rest.U32(Ds64Bytes);
        rest.U64(longForm ? padded + HeaderBytes - 8 : 0);
        rest.U64(longForm ? bytes : 0);
        rest.U64(longForm ? bytes / FrameBytes : 0);
        rest.U32(0); // no table
    }

    private void WriteFormat(ref HeaderSpan rest)
    {
        var tag = _encoding switch
        {
            SampleEncoding.Float32 or SampleEncoding.Float64 => WavHeader.TagFloat,
            SampleEncoding.ALaw => WavHeader.TagALaw,
            SampleEncoding.MuLaw => WavHeader.TagMuLaw,
            _ => WavHeader.TagPcm,
        };
        rest.Id("fmt "u8);
        rest.U32((uint)FormatBytes);
        rest.U16(IsExtensible ? WavHeader.TagExtensible : tag);
        rest.U16(Channels);
        rest.U32((uint)SampleRate);
        rest.U32((uint)Math.Min(uint.MaxValue, (long)SampleRate * FrameBytes));
        rest.U16(FrameBytes);
        rest.U16(8 * Samples.Bytes(_encoding));
        if (FormatBytes > 16)
            rest.U16(FormatBytes - 18);
        if (!IsExtensible)
            return;
        rest.U16(8 * Samples.Bytes(_encoding));
        rest.U32(SpeakerMask(Channels));
        rest.U16(tag);
        rest.Id(WavHeader.SubformatTail);
    }

    private static uint Size32(long? size) => size is { } known and <= uint.MaxValue ? (uint)known : WavHeader.Unknown;

    // The usual layouts: 3.0, quad, 5.0, 5.1, 6.1, 7.1; none for other counts.
    private static uint SpeakerMask(int channels)
        => channels switch { 3 => 0x7, 4 => 0x33, 5 => 0x37, 6 => 0x3F, 7 => 0x13F, 8 => 0x63F, _ => 0 };

    private ref struct HeaderSpan(Span<byte> bytes)
    {
        private Span<byte> _bytes = bytes;

        public void Id(ReadOnlySpan<byte> id) => id.CopyTo(Take(id.Length));

        public void U16(int value) => BinaryPrimitives.WriteUInt16LittleEndian(Take(2), (ushort)value);

        public void U32(uint value) => BinaryPrimitives.WriteUInt32LittleEndian(Take(4), value);

        public void U64(long value) => BinaryPrimitives.WriteInt64LittleEndian(Take(8), value);

        private Span<byte> Take(int count)
        {
            var taken = _bytes[..count];
            _bytes = _bytes[count..];
            return taken;
        }
    }
}
