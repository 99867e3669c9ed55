namespace Codec.Audio.SndFile;

/// <summary>Writes FLAC, Ogg Vorbis, Opus, MP3 and AIFF through libsndfile.</summary>
internal sealed class SndFileWriter : AudioWriter
{
    private const int BlockFrames = 4096; // libvorbis keeps a block on the stack: large ones overflow it
    private readonly string _name;
    private readonly SndFileStream _stream;
    private readonly SndFileHandle _file;

    /// <param name="stream">Seekable; stays open.</param>
    /// <param name="sampleRate">Hz.</param>
    /// <param name="channels">As many as the container takes.</param>
    /// <param name="format">Anything but WAV.</param>
    /// <param name="name">For messages.</param>
    /// <exception cref="AudioFileException">libsndfile is absent or cannot write this rate, channel count or format.</exception>
    public SndFileWriter(Stream stream, int sampleRate, int channels, AudioFormat format, string name)
    {
        SndFileLibrary.Need(name);
        (SampleRate, Channels, _name) = (sampleRate, channels, name);
        RequireRate(format.Container);
        var info = new SndFileNative.Info { SampleRate = sampleRate, Channels = channels, Format = Code(format) };
        _stream = new SndFileStream(stream, leaveOpen: true);
        _file = _stream.Open(SndFileNative.ModeWrite, ref info);
        if (_file.IsInvalid)
        {
            Dispose();
            throw new AudioFileException(name, $"libsndfile cannot write {format.Container} {format.Encoding}, {channels} channels at {sampleRate} Hz: {SndFileNative.ErrorText(null)}", _stream.Failure);
        }
        unsafe
        {
            SndFileNative.Command(_file, SndFileNative.SetClipping, null, 1); // integers would wrap around
        }
    }

    public override int SampleRate { get; }

    public override int Channels { get; }

    public override unsafe void Write(ReadOnlySpan<float> interleaved)
    {
        ObjectDisposedException.ThrowIf(_file.IsClosed, this);
        RequireFrames(interleaved);
        for (var frames = interleaved.Length / Channels; frames > 0; frames = interleaved.Length / Channels)
        {
            var count = Math.Min(frames, BlockFrames);
            long written;
            fixed (float* samples = interleaved)
                written = SndFileNative.WriteFloat(_file, samples, count);
            RethrowFailure();
            if (written != count)
                throw new OutputFileException(_name, SndFileNative.ErrorText(_file));
            interleaved = interleaved[(count * Channels)..];
        }
    }

    public override void Complete()
    {
        _file.Dispose();
        RethrowFailure();
        _stream.Flush();
    }

    protected override void Dispose(bool disposing)
    {
        _file.Dispose();
        _stream.Dispose();
    }

    private void RethrowFailure()
    {
        if (_stream.Failure is { } failure)
            throw failure as CodecException ?? new OutputFileException(_name, failure.Message, failure);
    }

    private void RequireRate(AudioContainer container)
    {
        int[]? rates = container switch
        {
            AudioContainer.OggOpus => [8000, 12000, 16000, 24000, 48000],
            AudioContainer.Mp3 => [8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000],
            _ => null,
        };
        if (rates is not null && !rates.Contains(SampleRate))
            throw new AudioFileException(_name, $"{container} cannot hold {SampleRate} Hz: use {string.Join(", ", rates)}");
    }

    private int Code(AudioFormat format)
    {
        var container = format.Container switch
        {
            AudioContainer.Flac => 0x170000,
            AudioContainer.OggVorbis => 0x200060,
            AudioContainer.OggOpus => 0x200064,
            AudioContainer.Mp3 => 0x230082,
            AudioContainer.Aiff => 0x020000,
            _ => throw new ArgumentException($"{format.Container} is not written by libsndfile", nameof(format)),
        };
        return container + ((container & 0xFF) != 0 ? 0 : format.Encoding switch
        {
            SampleEncoding.Pcm8 => 1,
            SampleEncoding.Pcm16 => 2,
            SampleEncoding.Pcm24 => 3,
            SampleEncoding.Pcm32 => 4,
            SampleEncoding.Float32 => 6,
            SampleEncoding.Float64 => 7,
            SampleEncoding.MuLaw => 0x10,
            _ => 0x11,
        });
    }
}
