using Codec.Audio;
using static TorchSharp.torch;

namespace Codec.Core.Files;

/// <summary>
/// Audio of any rate, channel count and length to codes, block by block. Channels are coded separately, as many together
/// as the codec takes; each such group is one batch item of the codes. Not thread-safe.
/// </summary>
public sealed class AudioEncoder : IDisposable
{
    private readonly ICodec _codec;
    private readonly int? _books;
    private readonly Resampler[] _resamplers;
    private readonly PlanarQueue _queue;
    private readonly BlockPlan _plan;
    private readonly StreamState? _state;
    private readonly List<Codes> _finished = [];
    private float[] _channel = [];
    private long _received; // samples per channel at the codec's rate
    private long _frames;   // coded so far
    private long _start;    // index of the queue's first sample

    /// <param name="codec">Stays the caller's.</param>
    /// <param name="sampleRate">Hz of the audio.</param>
    /// <param name="channels">Of the audio.</param>
    /// <param name="books">Books to keep; null for all.</param>
    public AudioEncoder(ICodec codec, int sampleRate, int channels, int? books = null)
        : this(codec, sampleRate, channels, books, BlockPlan.For(codec.Info))
    {
    }

    /// <summary>The same with other windows, to measure what they do.</summary>
    internal AudioEncoder(ICodec codec, int sampleRate, int channels, int? books, BlockPlan plan)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(channels);
        _codec = codec;
        _books = books;
        Channels = channels;
        Streams = (channels + codec.Info.Channels - 1) / codec.Info.Channels;
        _resamplers = [.. Enumerable.Range(0, channels).Select(_ => new Resampler(sampleRate, codec.Info.SampleRate))];
        _queue = new PlanarQueue(channels);
        _plan = plan;
        _state = codec.Info.Causal ? new StreamState() : null;
    }

    /// <summary>Of the audio.</summary>
    public int Channels { get; }

    /// <summary>Batch items of the codes.</summary>
    public int Streams { get; }

    /// <summary>Takes the next samples.</summary>
    /// <param name="interleaved">Whole frames, channels interleaved, nominally in [-1, 1].</param>
    /// <returns>Codes that are ready by now, in order.</returns>
    public IReadOnlyList<Codes> Push(ReadOnlySpan<float> interleaved)
    {
        _finished.Clear();
        var count = interleaved.Length / Channels;
        if (_channel.Length < count)
            _channel = new float[count];
        for (var c = 0; c < Channels; c++)
        {
            for (var i = 0; i < count; i++)
                _channel[i] = interleaved[i * Channels + c];
            var resampled = _resamplers[c].Push(_channel.AsSpan(0, count));
            _queue.Append(c, resampled);
            _received += c == 0 ? resampled.Length : 0;
        }
        EncodeReady();
        return _finished;
    }

    /// <summary>Ends the audio.</summary>
    /// <returns>The remaining codes; they hold the whole delay of the codec.</returns>
    public IReadOnlyList<Codes> Finish()
    {
        _finished.Clear();
        for (var c = 0; c < Channels; c++)
        {
            var rest = _resamplers[c].Flush();
            _queue.Append(c, rest);
            _received += c == 0 ? rest.Length : 0;
        }
        EncodeReady();
        if (_received == 0)
            return _finished;
        if (_codec.Info.SegmentLength is not null)
            Add(Encode(0, _queue.Count)); // a block leaves at least what segments overlap by
        else if (_state is null)
            EncodeWindow(_start + _queue.Count, all: true);
        else if (_codec.Info.FramesFor(_received) - _frames is > 0 and var missing)
        {
            _queue.AppendSilence(checked((int)(missing * _codec.Info.HopLength)) - _queue.Count);
            EncodeStreamed(_queue.Count);
        }
        return _finished;
    }

    public void Dispose() => _state?.Dispose();

    private void EncodeReady()
    {
        var hop = _codec.Info.HopLength;
        if (_state is not null)
        {
            while (_queue.Count >= _plan.Frames * hop)
                EncodeStreamed(_plan.Frames * hop);
            return;
        }
        if (_codec.Info is { SegmentLength: { } length, SegmentStride: { } stride })
        {
            EncodeSegments(length, stride);
            return;
        }
        for (long end; (end = (_frames + _plan.Frames + _plan.Context) * hop) <= _start + _queue.Count;)
            EncodeWindow(end, all: false);
    }

    /// <summary>Segments are coded one by one, so a block of whole ones needs no context; what follows shows that they are not the last.</summary>
    private void EncodeSegments(int length, int stride)
    {
        for (var samples = (_plan.Segments - 1) * stride + length; _queue.Count >= samples; _queue.Drop(_plan.Segments * stride))
            Add(Encode(0, samples).SliceSegments(0, _plan.Segments));
    }

    private void EncodeStreamed(int samples)
    {
        Add(Encode(0, samples));
        _queue.Drop(samples);
        _start += samples;
    }

    /// <summary>Codes a window that ends at a sample and keeps its middle, or all of its right side.</summary>
    private void EncodeWindow(long end, bool all)
    {
        var first = Math.Max(0, _frames - _plan.Context);
        var offset = (int)(first * _codec.Info.HopLength - _start);
        var codes = Encode(offset, (int)(end - _start) - offset);
        var skip = (int)(_frames - first);
        Add(codes.Slice(skip, all ? codes.Frames - skip : _plan.Frames));
        var keep = Math.Max(0, _frames - _plan.Context) * _codec.Info.HopLength;
        if (all || keep <= _start)
            return;
        _queue.Drop((int)(keep - _start));
        _start = keep;
    }

    private void Add(Codes codes)
    {
        _frames += codes.Frames;
        if (codes.Frames > 0)
            _finished.Add(codes);
    }

    private Codes Encode(int start, int samples)
    {
        var group = _codec.Info.Channels;
        var planar = new float[Streams * group * samples];
        for (var row = 0; row < Streams * group; row++)
            // A group that is not full repeats the last channel.
            _queue[Math.Min(row, Channels - 1)].Slice(start, samples).CopyTo(planar.AsSpan(row * samples, samples));
        return _state is not null && _codec is ISampleCodec { TakesSamples: true } direct
            ? direct.EncodeSamples(planar, Streams, _books, _state)
            : EncodeTensor(planar, samples);
    }

    private Codes EncodeTensor(float[] planar, int samples)
    {
        using var scope = NewDisposeScope();
        return _codec.Encode(tensor(planar, [Streams, _codec.Info.Channels, samples]), _books, _state);
    }
}
