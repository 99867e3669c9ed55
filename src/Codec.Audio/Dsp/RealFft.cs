using System.Collections.Concurrent;
using System.Numerics;

namespace Codec.Audio.Dsp;

/// <summary>
/// Spectrum of real signals of one length: even lengths through a complex transform of half the length.
/// Holds scratch memory: one instance per thread.
/// </summary>
public sealed class RealFft
{
    private static readonly ConcurrentDictionary<int, (double[] Cos, double[] Sin)> Tables = new(); // of powers of two: few
    private readonly Fft _plan;
    private readonly double[] _re, _im, _cos, _sin;

    /// <param name="length">Points of the signal.</param>
    public RealFft(int length)
    {
        Length = length;
        _plan = Fft.Of(length % 2 == 0 ? length / 2 : length);
        _re = new double[_plan.Length];
        _im = new double[_plan.Length];
        (_cos, _sin) = BitOperations.IsPow2(length) ? Tables.GetOrAdd(length, Table) : Table(length);
    }

    private static (double[] Cos, double[] Sin) Table(int length)
    {
        var cos = new double[length % 2 == 0 ? length / 2 + 1 : 0];
        var sin = new double[cos.Length];
        for (var k = 0; k < cos.Length; k++)
            (sin[k], cos[k]) = Math.SinCos(2 * Math.PI * k / length);
        return (cos, sin);
    }

    /// <summary>Points of the signal.</summary>
    public int Length { get; }

    /// <summary>Bins of the one-sided spectrum: Length / 2 + 1.</summary>
    public int Bins => Length / 2 + 1;

    /// <summary>The bins 0 .. Length / 2 of a real signal.</summary>
    public void Forward(ReadOnlySpan<double> signal, Span<double> re, Span<double> im)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(signal.Length, Length);
        if (Length % 2 != 0)
        {
            signal.CopyTo(_re);
            Array.Clear(_im);
            _plan.Forward(_re, _im);
            _re.AsSpan(0, Bins).CopyTo(re);
            _im.AsSpan(0, Bins).CopyTo(im);
            return;
        }
        var half = _plan.Length;
        for (var i = 0; i < half; i++)
            (_re[i], _im[i]) = (signal[2 * i], signal[2 * i + 1]);
        _plan.Forward(_re, _im);
        for (var k = 0; k <= half; k++)
        {
            int a = k < half ? k : 0, b = k > 0 ? half - k : 0;
            double er = (_re[a] + _re[b]) / 2, ei = (_im[a] - _im[b]) / 2;   // spectrum of even samples
            double or = (_im[a] + _im[b]) / 2, oi = (_re[b] - _re[a]) / 2;   // spectrum of odd samples
            re[k] = er + or * _cos[k] + oi * _sin[k];
            im[k] = ei + oi * _cos[k] - or * _sin[k];
        }
    }

    /// <summary>The real signal of a one-sided spectrum; divides by Length.</summary>
    /// <exception cref="NotSupportedException">The length is odd.</exception>
    public void Inverse(ReadOnlySpan<double> re, ReadOnlySpan<double> im, Span<double> signal)
    {
        if (Length % 2 != 0)
            throw new NotSupportedException("inverse real transforms have an even length");
        var half = _plan.Length;
        for (var k = 0; k < half; k++)
        {
            double er = (re[k] + re[half - k]) / 2, ei = (im[k] - im[half - k]) / 2;
            double dr = (re[k] - re[half - k]) / 2, di = (im[k] + im[half - k]) / 2;
            double or = dr * _cos[k] - di * _sin[k], oi = dr * _sin[k] + di * _cos[k];
            (_re[k], _im[k]) = (er - oi, ei + or);
        }
        _plan.Inverse(_re, _im);
        for (var i = 0; i < half; i++)
            (signal[2 * i], signal[2 * i + 1]) = (_re[i], _im[i]);
    }
}
