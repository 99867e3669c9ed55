namespace Codec.Audio.Wav;

/// <summary>
/// WAV files of any length from any stream: PCM 8 to 32, float 32 and 64, A-law and mu-law, extensible, RF64 and BW64.
/// A file that ends early is read as far as it goes; see <see cref="AudioReader.Warnings"/>.
/// </summary>
internal sealed class WavReader : AudioReader
{
    private const int BufferBytes = 1 << 16;
    private readonly Stream _stream;
    private readonly string _name;
    private readonly SampleEncoding _encoding;
    private readonly int _frameBytes;
    private readonly byte[] _buffer;
    private readonly long _declared;  // bytes of samples; MaxValue where unknown
    private long _consumed;
    private bool _ended, _warnedNotFinite;

    /// <param name="stream">Behind the header; need not be seekable. Owned from here on.</param>
    /// <param name="header">What <see cref="WavHeader.Read"/> found; its encoding must be known.</param>
    /// <param name="name">For messages.</param>
    public WavReader(Stream stream, WavHeader header, string name)
    {
        (_stream, _name) = (stream, name);
        _encoding = header.Encoding ?? throw new ArgumentException("unknown encoding", nameof(header));
        (SampleRate, Channels) = (header.SampleRate, header.Channels);
        _frameBytes = Samples.Bytes(_encoding) * Channels;
        _buffer = new byte[Math.Max(1, BufferBytes / _frameBytes) * _frameBytes];
        _declared = header.DataBytes ?? long.MaxValue;
        long? bytes = header.DataBytes;
        if (stream.CanSeek)
            bytes = Math.Min(_declared, Math.Max(0, stream.Length - stream.Position));
        Length = bytes / _frameBytes;
    }

    public override int SampleRate { get; }

    public override int Channels { get; }

    public override long? Length { get; }

    public override int Read(Span<float> interleaved)
    {
        ObjectDisposedException.ThrowIf(!_stream.CanRead, this);
        var done = 0;
        while (!_ended && interleaved.Length - done >= Channels)
        {
            var frames = Math.Min((interleaved.Length - done) / Channels, _buffer.Length / _frameBytes);
            var bytes = _buffer.AsSpan(0, (int)Math.Min((long)frames * _frameBytes, _declared - _consumed));
            var read = Fill(bytes);
            _consumed += read;
            if (read < frames * _frameBytes)
                End(read);
            var samples = interleaved.Slice(done, read / _frameBytes * Channels);
            Samples.Decode(_encoding, bytes, samples);
            SilenceNotFinite(samples);
            done += samples.Length;
        }
        return done;
    }

    protected override void Dispose(bool disposing) => _stream.Dispose();

    private int Fill(Span<byte> bytes)
    {
        try
        {
            return _stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        }
        catch (IOException e)
        {
            throw new AudioFileException(_name, e.Message, e);
        }
    }

    private void End(int read)
    {
        _ended = true;
        if (_declared != long.MaxValue && _consumed < _declared)
            Warn($"{_name}: cut short: {_declared} bytes of samples declared, {_consumed} found");
        else if (read % _frameBytes != 0)
            Warn($"{_name}: the last frame is incomplete: {read % _frameBytes} of {_frameBytes} bytes");
    }

    private void SilenceNotFinite(Span<float> samples)
    {
        if (_encoding is not (SampleEncoding.Float32 or SampleEncoding.Float64))
            return;
        foreach (ref var sample in samples)
            if (!float.IsFinite(sample))
            {
                sample = 0;
                if (!_warnedNotFinite)
                    Warn($"{_name}: samples that are no finite numbers were read as silence");
                _warnedNotFinite = true;
            }
    }
}
