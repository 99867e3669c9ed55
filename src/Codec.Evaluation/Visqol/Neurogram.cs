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

    /// <summary>Both spectrograms in dB above a common floor.</summary>
    public (Spectrogram Reference, Spectrogram Degraded) Compare(double[] reference, double[] degraded)
    {
        var (r, d) = (Decibels(reference), Decibels(degraded));
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

    private Spectrogram Decibels(double[] signal)
    {
        var frames = 1 + (signal.Length - Window) / Hop;
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
