namespace Codec.Audio;

/// <summary>
/// Band-limited resampling by any ratio: Kaiser-windowed sinc, polyphase, linear phase, no delay.
/// Passband to 0.91 of the lower Nyquist frequency, at least 100 dB down from there on. One instance
/// serves one channel of one stream; the output is the same for every way of cutting the input into blocks.
/// </summary>
public sealed class Resampler
{
    private readonly ResamplingFilter? _filter; // null: equal rates
    private readonly int _up, _down;
    private float[] _history;    // the last inputs that later outputs still need, zeros before the start
    private int _count;          // valid floats in _history
    private long _first;         // input index of _history[0]
    private long _received, _produced;
    private float[] _output = [];

    /// <param name="from">Hz of the input.</param>
    /// <param name="to">Hz of the output.</param>
    /// <param name="start">Index of the first input in a longer stream: outputs then lie where they lie in that stream, and the first is
    /// number OutputLength(start). Those near it see silence before the start.</param>
    public Resampler(int from, int to, long start = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(from);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(to);
        var gcd = (int)System.Numerics.BigInteger.GreatestCommonDivisor(from, to);
        (_up, _down) = (to / gcd, from / gcd);
        _filter = from == to ? null : ResamplingFilter.For(_up, _down);
        _history = new float[2 * (_filter?.Taps ?? 0)];
        Restart(start);
    }

    /// <summary>Inputs on either side of an output's place that it depends on.</summary>
    public int Reach => _filter?.Taps ?? 0;

    /// <summary>Output samples of <paramref name="samples"/> inputs: ceil(samples * to / from).</summary>
    public static long OutputLength(long samples, int from, int to) => (long)(((Int128)samples * to + from - 1) / from);

    /// <summary>Takes the next inputs and returns the outputs that can be computed by now.</summary>
    /// <returns>Valid until the next call.</returns>
    public ReadOnlySpan<float> Push(ReadOnlySpan<float> input)
    {
        _received += input.Length;
        if (_filter is null)
            return input;
        Append(input);
        return Produce(long.MaxValue);
    }

    /// <summary>Ends the stream: the remaining outputs, with silence after the last input. The next Push starts a new stream.</summary>
    /// <returns>Valid until the next call.</returns>
    public ReadOnlySpan<float> Flush()
    {
        var total = OutputLength(_received, _down, _up);
        ReadOnlySpan<float> rest = [];
        if (_filter is not null)
        {
            Append(new float[_filter.Taps]);
            rest = Produce(total);
        }
        Reset();
        return rest;
    }

    /// <summary>Forgets everything: the next Push starts a new stream.</summary>
    public void Reset()
    {
        Array.Clear(_history);
        Restart(0);
    }

    /// <summary>Samples at another rate, ceil(n * to / from) of them.</summary>
    public static float[] Resample(ReadOnlySpan<float> samples, int from, int to)
    {
        var resampler = new Resampler(from, to);
        var result = new float[checked((int)OutputLength(samples.Length, from, to))];
        var written = 0;
        for (var start = 0; start < samples.Length; start += 1 << 16)
        {
            var piece = resampler.Push(samples.Slice(start, Math.Min(1 << 16, samples.Length - start)));
            piece.CopyTo(result.AsSpan(written));
            written += piece.Length;
        }
        resampler.Flush().CopyTo(result.AsSpan(written));
        return result;
    }

    /// <summary>Audio at another rate; the same buffer where it has that rate.</summary>
    public static AudioBuffer Resample(AudioBuffer audio, int rate)
        => rate == audio.SampleRate
            ? audio
            : new AudioBuffer([.. Enumerable.Range(0, audio.Channels).Select(c => Resample(audio[c], audio.SampleRate, rate))], rate);

    private void Restart(long start)
    {
        _count = _filter?.Before ?? 0;
        _first = start - _count;
        (_received, _produced) = (start, OutputLength(start, _down, _up));
    }

    private void Append(ReadOnlySpan<float> input)
    {
        if (_count + input.Length > _history.Length)
            Array.Resize(ref _history, Math.Max(_count + input.Length, 2 * _history.Length));
        input.CopyTo(_history.AsSpan(_count));
        _count += input.Length;
    }

    // Output n lies at input time n * down / up = whole + phase / up and sees inputs whole - Before .. whole - Before + Taps - 1.
    private ReadOnlySpan<float> Produce(long limit)
    {
        var filter = _filter!;
        var end = _first + _count - (filter.Taps - filter.Before); // the last whole position that can be computed
        var ready = end < 0 ? 0 : Math.Min(limit, (long)(((Int128)(end + 1) * _up + _down - 1) / _down));
        var count = (int)Math.Max(0, ready - _produced);
        if (_output.Length < count)
            _output = new float[count];
        var position = (Int128)_produced * _down;
        var whole = (long)(position / _up);
        var phase = (int)(position % _up);
        var (step, fraction) = (_down / _up, _down % _up);
        for (var i = 0; i < count; i++)
        {
            _output[i] = filter.Apply(_history, (int)(whole - filter.Before - _first), phase);
            whole += step;
            phase += fraction;
            if (phase >= _up)
                (phase, whole) = (phase - _up, whole + 1);
        }
        _produced += count;
        Forget(Math.Min(whole - filter.Before, _first + _count));
        return _output.AsSpan(0, count);
    }

    private void Forget(long keepFrom)
    {
        var drop = (int)(keepFrom - _first);
        if (drop <= 0)
            return;
        _history.AsSpan(drop, _count - drop).CopyTo(_history);
        _count -= drop;
        _first = keepFrom;
    }
}
