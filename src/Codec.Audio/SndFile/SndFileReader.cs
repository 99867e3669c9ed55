namespace Codec.Audio.SndFile;

/// <summary>Reads FLAC, Ogg Vorbis, Opus, MP3, AIFF and more through libsndfile. Opus comes at the rate of 8, 12, 16, 24 and 48 kHz that fits the one in its header.</summary>
internal sealed class SndFileReader : AudioReader
{
    private readonly string _name;
    private readonly SndFileStream _stream;
    private readonly SndFileHandle _file;
    private readonly SndFileNative.Info _info;
    private bool _ended;

    /// <param name="stream">Seekable; owned from here on.</param>
    /// <param name="name">For messages.</param>
    /// <exception cref="AudioFileException">libsndfile is absent or does not understand the content.</exception>
    public SndFileReader(Stream stream, string name)
    {
        _name = name;
        _stream = new SndFileStream(stream);
        try
        {
            SndFileLibrary.Need(name);
            _file = _stream.Open(SndFileNative.ModeRead, ref _info);
            if (_file.IsInvalid)
                throw new AudioFileException(name, SndFileNative.ErrorText(null), _stream.Failure);
            if (_info.SampleRate <= 0 || _info.Channels <= 0)
                throw new AudioFileException(name, $"{_info.Channels} channels at {_info.SampleRate} Hz");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public override int SampleRate => _info.SampleRate;

    public override int Channels => _info.Channels;

    public override long? Length => _info.Frames is >= 0 and < long.MaxValue ? _info.Frames : null;

    public override unsafe int Read(Span<float> interleaved)
    {
        ObjectDisposedException.ThrowIf(_file.IsClosed, this);
        var wanted = interleaved.Length / Channels;
        if (wanted == 0 || _ended)
            return 0;
        long frames;
        fixed (float* samples = interleaved)
            frames = SndFileNative.ReadFloat(_file, samples, wanted);
        if (_stream.Failure is { } failure)
            throw new AudioFileException(_name, failure.Message, failure);
        if (frames < wanted)
        {
            _ended = true;
            if (SndFileNative.ErrorNumber(_file) != 0)
                Warn($"stopped early: {SndFileNative.ErrorText(_file)}");
        }
        return (int)frames * Channels;
    }

    protected override void Dispose(bool disposing)
    {
        _file?.Dispose();
        _stream.Dispose();
    }
}
