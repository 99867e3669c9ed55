namespace Codec.Audio.Dsp;

/// <summary>A non-negative time-frequency picture, frame after frame in one block.</summary>
/// <param name="Values">[Frames x Bins], a frame's bins together.</param>
/// <param name="Frames">Points in time.</param>
/// <param name="Bins">Points in frequency.</param>
public sealed record Spectrogram(double[] Values, int Frames, int Bins)
{
    /// <summary>The bins of one frame.</summary>
    public Span<double> Frame(int index) => Values.AsSpan(index * Bins, Bins);

    /// <summary>
    /// |STFT| of a signal: periodic Hann window of <paramref name="window"/> samples, FFT of the same length, frames centred on
    /// multiples of <paramref name="hop"/> with reflected ends, 1 + floor(length / hop) of them.
    /// </summary>
    /// <exception cref="ArgumentException">The signal is too short to be reflected by half a window.</exception>
    public static Spectrogram Magnitude(ReadOnlySpan<double> signal, int window, int hop)
        => Compute(signal, window, hop, static (re, im) => Math.Sqrt(re * re + im * im));

    /// <summary>As <see cref="Magnitude"/>, but |STFT|^2.</summary>
    public static Spectrogram Power(ReadOnlySpan<double> signal, int window, int hop)
        => Compute(signal, window, hop, static (re, im) => re * re + im * im);

    private static Spectrogram Compute(ReadOnlySpan<double> signal, int window, int hop, Func<double, double, double> value)
    {
        if (signal.Length <= window / 2)
            throw new ArgumentException($"needs at least {window / 2 + 1} samples, found {signal.Length}", nameof(signal));
        var fft = new RealFft(window);
        var taper = Windows.Hann(window);
        var frames = 1 + signal.Length / hop;
        var result = new Spectrogram(new double[(long)frames * fft.Bins], frames, fft.Bins);
        double[] block = new double[window], re = new double[fft.Bins], im = new double[fft.Bins];
        for (var t = 0; t < frames; t++)
        {
            Gather(signal, t * hop - window / 2, taper, block);
            fft.Forward(block, re, im);
            var row = result.Frame(t);
            for (var k = 0; k < row.Length; k++)
                row[k] = value(re[k], im[k]);
        }
        return result;
    }

    private static void Gather(ReadOnlySpan<double> signal, int start, double[] taper, double[] block)
    {
        if (start >= 0 && start + block.Length <= signal.Length)
        {
            var inside = signal.Slice(start, block.Length);
            for (var i = 0; i < block.Length; i++)
                block[i] = taper[i] * inside[i];
            return;
        }
        for (var i = 0; i < block.Length; i++)
            block[i] = taper[i] * signal[Mirror(start + i, signal.Length)];
    }

    private static int Mirror(int index, int length)
    {
        if (index < 0)
            index = -index;
        return index < length ? index : 2 * (length - 1) - index;
    }
}
