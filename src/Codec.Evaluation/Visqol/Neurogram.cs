using Codec.Evaluation.Dsp;

namespace Codec.Evaluation.Visqol;

/// <summary>Gammatone spectrograms, and the levels at which two of them are compared.</summary>
internal sealed class Neurogram
{
    private const double Floor = -45, DynamicRange = 45;
    private readonly GammatoneBank _bank;
    private readonly double[] _window;

    public Neurogram(int sampleRate, VisqolMode mode)
    {
        _bank = mode == VisqolMode.Speech
            ? new GammatoneBank(sampleRate, 21, 50, Math.Min(8000, sampleRate / 2.0))
            : new GammatoneBank(sampleRate, 32, 50, sampleRate / 2.0);
        _window = Windows.SymmetricHann((int)Math.Round(sampleRate * 0.08));
        Hop = _window.Length / 4;
    }

    /// <summary>Samples between frames: 20 ms.</summary>
    public int Hop { get; }

    /// <summary>Samples of a frame: 80 ms.</summary>
    public int Window => _window.Length;

    /// <summary>Frames of a signal, which is no shorter than one.</summary>
    public int FrameCount(int samples) => 1 + (samples - Window) / Hop;

    /// <summary>Both spectrograms in dB above a common floor.</summary>
    /// <param name="reference">From <see cref="Decibels"/>; left as it is.</param>
    /// <param name="degraded">From <see cref="Decibels"/>; left as it is.</param>
    public static (Spectrogram Reference, Spectrogram Degraded) Compare(Spectrogram reference, Spectrogram degraded)
    {
        var (r, d) = (Copy(reference), Copy(degraded));
        for (var t = 0; t < Math.Min(r.Frames, d.Frames); t++)
        {
            var loudest = double.MinValue;
            foreach (var x in r.Frame(t))
                loudest = Math.Max(loudest, x);
            foreach (var x in d.Frame(t))
                loudest = Math.Max(loudest, x);
            Raise(r.Frame(t), loudest - DynamicRange);
            Raise(d.Frame(t), loudest - DynamicRange);
        }
        var minimum = Math.Min(r.Values.Min(), d.Values.Min());
        foreach (var picture in (ReadOnlySpan<Spectrogram>)[r, d])
            for (var i = 0; i < picture.Values.Length; i++)
                picture.Values[i] -= minimum;
        return (r, d);
    }

    /// <summary>Frames [first, first + count).</summary>
    public static Spectrogram Frames(Spectrogram picture, int first, int count)
        => new(picture.Values[(first * picture.Bins)..((first + count) * picture.Bins)], count, picture.Bins);

    private static Spectrogram Copy(Spectrogram picture) => Frames(picture, 0, picture.Frames);

    /// <summary>Band levels of all frames in dB, no less than -45.</summary>
    public Spectrogram Decibels(double[] signal)
    {
        var frames = FrameCount(signal.Length);
        var result = new Spectrogram(new double[frames * _bank.Bands], frames, _bank.Bands);
        var block = new double[Window];
        for (var t = 0; t < frames; t++)
        {
            for (var i = 0; i < block.Length; i++)
                block[i] = signal[t * Hop + i] * _window[i];
            var frame = result.Frame(t);
            _bank.Rms(block, frame);
            foreach (ref var x in frame)
                x = Math.Max(Floor, 10 * Math.Log10(x == 0 ? double.Epsilon : x));
        }
        return result;
    }

    private static void Raise(Span<double> frame, double floor)
    {
        foreach (ref var x in frame)
            x = Math.Max(x, floor);
    }
}
