using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Codec.Audio.Dsp;

namespace Codec.Audio;

/// <summary>
/// The polyphase table of a rational resampler. Ratios with few phases have one exact row per phase;
/// others interpolate linearly between rows so fine that the error stays below -120 dB.
/// </summary>
internal sealed class ResamplingFilter
{
    private const double StopbandDecibels = 100, PassbandEdge = 0.91;
    private const int MaxExactFloats = 1 << 19, PhasesPerCrossing = 1024, Lanes = 8;
    private static readonly ConcurrentDictionary<(int, int), ResamplingFilter> Cache = new();

    private readonly float[] _rows; // [phase][tap]; interpolated tables have one row more than phases
    private readonly int _up, _phases;

    private ResamplingFilter(int up, int down)
    {
        _up = up;
        var bandwidth = Math.Min(1, (double)up / down); // lower rate / input rate
        // Kaiser's estimate of the length for a transition from PassbandEdge to 1 of the lower Nyquist frequency.
        var half = (StopbandDecibels - 7.95) / (14.36 * (1 - PassbandEdge) / 2) / bandwidth / 2;
        Before = (int)Math.Ceiling(half);
        Taps = (2 * Before + Lanes) / Lanes * Lanes;
        var exact = (long)up * Taps <= MaxExactFloats;
        _phases = exact ? up : (int)Math.Max(1, PhasesPerCrossing * bandwidth);
        _rows = new float[checked((exact ? _phases : _phases + 1) * Taps)];
        for (var phase = 0; phase < _rows.Length / Taps; phase++)
            Fill(_rows.AsSpan(phase * Taps, Taps), (double)phase / _phases, half, bandwidth * (1 + PassbandEdge) / 2);
    }

    /// <summary>Inputs per output; a multiple of the vector length.</summary>
    public int Taps { get; }

    /// <summary>Inputs before the output's own position.</summary>
    public int Before { get; }

    /// <summary>The filter that resamples by up / down (coprime); built once.</summary>
    public static ResamplingFilter For(int up, int down)
    {
        if (down / up > 10000)
            throw new ArgumentException($"cannot resample by {up}/{down}");
        return Cache.GetOrAdd((up, down), key => new ResamplingFilter(key.Item1, key.Item2));
    }

    /// <summary>One output at phase / up after input <paramref name="start"/> + Before.</summary>
    public float Apply(float[] input, int start, int phase)
    {
        ref var x = ref MemoryMarshal.GetReference(input.AsSpan(start, Taps));
        if (_phases == _up)
            return Dot(ref x, ref _rows[phase * Taps]);
        var position = (double)phase / _up * _phases;
        var row = (int)position;
        var low = Dot(ref x, ref _rows[row * Taps]);
        var high = Dot(ref x, ref _rows[(row + 1) * Taps]);
        return low + (float)(position - row) * (high - low);
    }

    // Fixed 256-bit lanes and no fused multiply-add: the same bits on every instruction set.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private float Dot(ref float x, ref float h)
    {
        var (a, b) = (Vector256<float>.Zero, Vector256<float>.Zero);
        nuint i = 0, taps = (nuint)Taps;
        for (; i + 2 * Lanes <= taps; i += 2 * Lanes)
        {
            a += Vector256.LoadUnsafe(ref x, i) * Vector256.LoadUnsafe(ref h, i);
            b += Vector256.LoadUnsafe(ref x, i + Lanes) * Vector256.LoadUnsafe(ref h, i + Lanes);
        }
        if (i < taps)
            a += Vector256.LoadUnsafe(ref x, i) * Vector256.LoadUnsafe(ref h, i);
        return Vector256.Sum(a + b);
    }

    private void Fill(Span<float> row, double fraction, double half, double cutoff)
    {
        var beta = 0.1102 * (StopbandDecibels - 8.7);
        Span<double> taps = row.Length <= 1024 ? stackalloc double[row.Length] : new double[row.Length];
        double sum = 0;
        for (var i = 0; i < row.Length; i++)
        {
            var t = i - Before - fraction;
            var u = t / half;
            taps[i] = Math.Abs(u) >= 1 ? 0 : Sinc(cutoff * t) * Windows.BesselI0(beta * Math.Sqrt(1 - u * u));
            sum += taps[i];
        }
        for (var i = 0; i < row.Length; i++)
            row[i] = (float)(taps[i] / sum); // every phase passes DC with gain 1
    }

    private static double Sinc(double x) => Math.Abs(x) < 1e-12 ? 1 : Math.Sin(Math.PI * x) / (Math.PI * x);
}
