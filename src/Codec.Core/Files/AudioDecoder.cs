using Codec.Audio;
using Codec.Core.Codecs;
using static TorchSharp.torch;

namespace Codec.Core.Files;

/// <summary>
/// Codes to audio of any rate, block by block: the way back of <see cref="AudioEncoder"/>, without the codec's delay.
/// Not thread-safe.
/// </summary>
public sealed class AudioDecoder : IDisposable
{
    private const int FadesPerSecond = 50; // windows of a codec that is not causal are joined over this part of a second

    private readonly ICodec _codec;
    private readonly int _channels;
    private readonly Resampler[] _resamplers;
    private readonly PlanarQueue _ready;
    private readonly BlockPlan _plan;
    private readonly StreamState? _state;
    private readonly int _heldBack;
    private readonly SegmentDecoder? _segments;
    private float[] _overlap = []; // what the last window made of the first samples of the next, row by row
    private readonly List<Codes> _pending = [];
    private readonly Queue<(long Start, float From, IReadOnlyList<float> Gains)> _gains = [];
    private long _first;      // frame of _pending[0]
    private long _received;   // frames
    private long _decoded;    // frames
    private long _delay;      // samples still to be dropped
    private long _sounded;    // samples per channel at the codec's rate
    private float _gain;      // at the end of what was received
    private long _returned;   // samples per channel
    private float[] _interleaved = [];

    /// <param name="codec">Stays the caller's.</param>
    /// <param name="sampleRate">Hz of the audio that is wanted.</param>
    /// <param name="channels">Of the audio that was encoded.</param>
    /// <param name="startFrame">Frame of the recording where sound begins; for a codec that is not causal on the grid of its windows.
    /// The first codes are then those of <see cref="FirstFrame"/>.</param>
    public AudioDecoder(ICodec codec, int sampleRate, int channels, long startFrame = 0)
        : this(codec, sampleRate, channels, startFrame, BlockPlan.For(codec.Info))
    {
    }

    /// <summary>The same with other windows, to measure what they do.</summary>
    internal AudioDecoder(ICodec codec, int sampleRate, int channels, long startFrame, BlockPlan plan)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(channels);
        _codec = codec;
        _channels = channels;
        _sounded = startFrame * codec.Info.HopLength;
        _resamplers = [.. Enumerable.Range(0, channels).Select(_ => new Resampler(codec.Info.SampleRate, sampleRate, _sounded))];
        _ready = new PlanarQueue(channels);
        _plan = plan;
        _segments = codec.Info.SegmentLength is null ? null : new SegmentDecoder(codec, plan.Segments);
        _decoded = startFrame;
        FirstSample = Resampler.OutputLength(_sounded, codec.Info.SampleRate, sampleRate);
        FirstFrame = _first = _received = Math.Max(0, startFrame - _plan.Context);
        _state = codec.Info.Causal ? new StreamState() : null;
        _delay = codec.Info.Causal ? codec.Info.DelaySamples : 0;
        // The last frame is padding in part: less than a frame, and what rounding adds on the way through two resamplers.
        _heldBack = checked((int)Resampler.OutputLength(codec.Info.HopLength + 2, codec.Info.SampleRate, sampleRate) + 2);
    }

    /// <summary>Frame of the recording of the first codes.</summary>
    public long FirstFrame { get; }

    /// <summary>Number of the first sample that comes out, at the wanted rate.</summary>
    public long FirstSample { get; }

    /// <summary>Takes the next codes.</summary>
    /// <param name="codes">One batch item per group of channels.</param>
    /// <param name="gains">Per frame, of codes that were made up (<see cref="Concealment.FilledFrames.Gains"/>); null: as it is.</param>
    /// <returns>Interleaved samples that are certain by now; valid until the next call.</returns>
    public ReadOnlySpan<float> Push(Codes codes, IReadOnlyList<float>? gains = null)
    {
        if (_segments is not null)
            return codes.Segments is null ? PushLost(codes.Frames, codes.Specs) : Play(_segments.Push(codes));
        if (gains is not null)
            _gains.Enqueue((_received, _gain, gains));
        _gain = gains?[^1] ?? 1;
        _received += codes.Frames;
        _pending.Add(codes);
        DecodeReady();
        return Take(_ready.Count - _heldBack);
    }

    /// <summary>Takes the place of lost codes: silence. A causal codec starts anew after it.</summary>
    public ReadOnlySpan<float> PushLost(int frames, IReadOnlyList<CodebookSpec> books)
    {
        if (_segments is not null)
            return Play(_segments.PushLost(frames));
        if (_state is null)
        {
            var streams = (_channels + _codec.Info.Channels - 1) / _codec.Info.Channels;
            return Push(new Concealment.LostFrames(books, streams, frames, null, null).NewCodes(), new float[frames]);
        }
        _gain = 0;
        DecodeStreamed(all: true);
        _received += frames;
        _decoded += frames;
        _first = _decoded;
        _state.Reset();
        Resample(new float[_channels * frames * _codec.Info.HopLength], frames * _codec.Info.HopLength);
        return Take(_ready.Count - _heldBack);
    }

    /// <summary>Ends the codes.</summary>
    /// <param name="samples">Exact samples per channel of the whole audio at the wanted rate; null for all that the frames hold.</param>
    /// <returns>The remaining samples; where the frames hold fewer, silence follows.</returns>
    public ReadOnlySpan<float> Finish(long? samples)
    {
        if (_segments is not null)
            Sound(_segments.Finish());
        else if (_state is not null)
            DecodeStreamed(all: true);
        else if (_received > _decoded)
            DecodeWindow(_received, all: true);
        for (var c = 0; c < _channels; c++)
            _ready.Append(c, _resamplers[c].Flush());
        if (samples is not { } total)
            return Take(_ready.Count);
        var missing = total - _returned;
        if (missing > _ready.Count)
            _ready.AppendSilence(checked((int)(missing - _ready.Count)));
        return Take((int)missing);
    }

    public void Dispose() => _state?.Dispose();

    private void DecodeReady()
    {
        if (_state is not null)
            DecodeStreamed(all: false);
        else
            while (_received >= _decoded + _plan.Frames + _plan.Context)
                DecodeWindow(_decoded + _plan.Frames + _plan.Context, all: false);
    }

    /// <summary>Decodes what waits in pieces of one length, however it came: rounding is then the same, too.</summary>
    private void DecodeStreamed(bool all)
    {
        if (_received == _decoded || (!all && _received - _decoded < _plan.Frames))
            return;
        var joined = Codes.Concat(_pending);
        var start = 0;
        for (int length; (length = Math.Min(_plan.Frames, joined.Frames - start)) == _plan.Frames || (all && length > 0); start += length)
        {
            var planar = _codec is ISampleCodec { TakesSamples: true } direct
                ? direct.DecodeSamples(joined.Slice(start, length), _state)
                : DecodeTensor(joined.Slice(start, length));
            Resample(planar, length * _codec.Info.HopLength);
        }
        _decoded += start;
        Forget(joined, _decoded);
    }

    private float[] DecodeTensor(Codes codes)
    {
        using var scope = NewDisposeScope();
        return Planar(_codec.Decode(codes, null, _state));
    }

    private void DecodeWindow(long end, bool all)
    {
        using var scope = NewDisposeScope();
        var hop = _codec.Info.HopLength;
        var joined = Codes.Concat(_pending);
        var first = Math.Max(0, _decoded - _plan.Context);
        var window = joined.Slice((int)(first - _first), (int)(end - first));
        var audio_BCS = _codec is IPositionedDecoder positioned ? positioned.DecodeAt(window, first) : _codec.Decode(window);
        var next = all ? end : _decoded + _plan.Frames;
        var start = (_decoded - first) * hop;
        var length = (int)Math.Min((next - _decoded) * hop, audio_BCS.shape[2] - start);
        var planar = Planar(audio_BCS.narrow(2, start, length));
        Blend(planar, length);
        Resample(planar, length);
        _overlap = all ? [] : Planar(audio_BCS.narrow(2, start + length, Math.Min(_codec.Info.SampleRate / FadesPerSecond, audio_BCS.shape[2] - start - length)));
        _decoded = next;
        Forget(joined, Math.Max(0, _decoded - _plan.Context));
    }

    /// <summary>Goes over from the last window to this one: where layers see the whole window (norms, attention), the two differ a little.</summary>
    private void Blend(float[] planar, int length)
    {
        var rows = planar.Length / Math.Max(length, 1);
        var (given, fade) = (_overlap.Length / Math.Max(rows, 1), Math.Min(_overlap.Length / Math.Max(rows, 1), length));
        for (var row = 0; row < rows; row++)
            for (var i = 0; i < fade; i++)
            {
                var (old, now) = (_overlap[row * given + i], planar[row * length + i]);
                planar[row * length + i] = now + (old - now) * (fade - i) / (fade + 1);
            }
    }

    private ReadOnlySpan<float> Play(IReadOnlyList<Tensor> pieces_BCS)
    {
        Sound(pieces_BCS);
        return Take(_ready.Count - _heldBack);
    }

    private void Sound(IReadOnlyList<Tensor> pieces_BCS)
    {
        foreach (var piece_BCS in pieces_BCS)
        {
            Resample(Planar(piece_BCS), (int)piece_BCS.shape[2]);
            piece_BCS.Dispose();
        }
    }

    private void Forget(Codes joined, long keepFrom)
    {
        _pending.Clear();
        if (_first + joined.Frames > keepFrom)
            _pending.Add(joined.Slice((int)(keepFrom - _first), (int)(_first + joined.Frames - keepFrom)));
        _first = keepFrom;
    }

    /// <summary>[B, C, S] as rows of S.</summary>
    private static float[] Planar(Tensor audio_BCS)
    {
        using var scope = NewDisposeScope();
        return audio_BCS.to(float32).cpu().contiguous().data<float>().ToArray();
    }

    private void Resample(float[] planar, int length)
    {
        var skip = (int)Math.Min(_delay, length);
        _delay -= skip;
        ApplyGains(planar, length, skip);
        _sounded += length - skip;
        for (var c = 0; c < _channels; c++)
            _ready.Append(c, _resamplers[c].Push(planar.AsSpan(c * length + skip, length - skip)));
    }

    private void ApplyGains(float[] planar, int length, int skip)
    {
        var hop = _codec.Info.HopLength;
        foreach (var (start, from, gains) in _gains)
        {
            var first = start * hop - _sounded + skip; // place of the gap's first sample in this piece
            for (var i = Math.Max(skip, first); i < Math.Min(length, first + (long)gains.Count * hop); i++)
            {
                var frame = (int)((i - first) / hop);
                var before = frame == 0 ? from : gains[frame - 1];
                var gain = before + (gains[frame] - before) * ((i - first) % hop + 1) / hop;
                for (var c = 0; c < _channels; c++)
                    planar[c * length + i] *= gain;
            }
        }
        while (_gains.TryPeek(out var oldest) && (oldest.Start + oldest.Gains.Count) * hop <= _sounded + length - skip)
            _gains.Dequeue();
    }

    private ReadOnlySpan<float> Take(int count)
    {
        if (count <= 0)
            return [];
        if (_interleaved.Length < count * _channels)
            _interleaved = new float[count * _channels];
        for (var c = 0; c < _channels; c++)
        {
            var samples = _ready[c];
            for (var i = 0; i < count; i++)
                _interleaved[i * _channels + c] = samples[i];
        }
        _ready.Drop(count);
        _returned += count;
        return _interleaved.AsSpan(0, count * _channels);
    }
}
