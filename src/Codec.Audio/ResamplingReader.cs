namespace Codec.Audio;

/// <summary>Reads audio at another rate, block by block; the samples do not depend on the blocks.</summary>
public sealed class ResamplingReader : AudioReader
{
    private readonly AudioReader _source;
    private readonly Resampler[] _resamplers;
    private readonly float[] _block, _channel;
    private float[] _ready = [];       // resampled, interleaved, not yet handed out
    private int _taken, _available;
    private bool _ended;

    /// <param name="source">Owned from here on.</param>
    /// <param name="sampleRate">Hz of the output.</param>
    public ResamplingReader(AudioReader source, int sampleRate)
    {
        (_source, SampleRate) = (source, sampleRate);
        _resamplers = [.. Enumerable.Range(0, source.Channels).Select(_ => new Resampler(source.SampleRate, sampleRate))];
        _channel = new float[Math.Max(1, 65536 / source.Channels)];
        _block = new float[_channel.Length * source.Channels];
    }

    public override int SampleRate { get; }

    public override int Channels => _source.Channels;

    /// <inheritdoc/>
    public override long? Length => _source.Length is { } length ? Resampler.OutputLength(length, _source.SampleRate, SampleRate) : null;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Warnings => _source.Warnings;

    public override int Read(Span<float> interleaved)
    {
        var wanted = interleaved.Length / Channels * Channels;
        var done = 0;
        while (done < wanted && (_taken < _available || Refill()))
        {
            var count = Math.Min(wanted - done, _available - _taken);
            _ready.AsSpan(_taken, count).CopyTo(interleaved[done..]);
            _taken += count;
            done += count;
        }
        return done;
    }

    protected override void Dispose(bool disposing) => _source.Dispose();

    private bool Refill()
    {
        (_taken, _available) = (0, 0);
        while (_available == 0 && !_ended)
        {
            var frames = _source.Read(_block) / Channels;
            _ended = frames == 0;
            for (var c = 0; c < Channels; c++)
            {
                for (var i = 0; i < frames; i++)
                    _channel[i] = _block[i * Channels + c];
                Keep(c, _ended ? _resamplers[c].Flush() : _resamplers[c].Push(_channel.AsSpan(0, frames)));
            }
        }
        return _available > 0;
    }

    private void Keep(int channel, ReadOnlySpan<float> samples)
    {
        _available = samples.Length * Channels; // the same for every channel
        if (_ready.Length < _available)
            Array.Resize(ref _ready, _available);
        for (var i = 0; i < samples.Length; i++)
            _ready[i * Channels + channel] = samples[i];
    }
}
