using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Codec.Core.Kernels;

/// <summary>
/// Fourier transforms of real windows of an even length N, up to sixteen at once (see <see cref="LaneFourier"/>), by a complex
/// transform of half the length. Not thread-safe: it owns its buffers.
/// </summary>
internal sealed unsafe class LaneSpectrum : IDisposable
{
    private const int Lanes = LaneFourier.Lanes, Point = LaneFourier.Point;

    private readonly LaneFourier _half;
    private readonly int _length;
    private readonly float[] _cos, _sin; // exp(-2 pi i k / N), k <= N / 2
    private readonly AlignedFloats _first, _second;

    public LaneSpectrum(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(length % 2, 0);
        _length = length;
        _half = new LaneFourier(length / 2);
        _cos = [.. Enumerable.Range(0, length / 2 + 1).Select(k => (float)Math.Cos(2 * Math.PI * k / length))];
        _sin = [.. Enumerable.Range(0, length / 2 + 1).Select(k => (float)-Math.Sin(2 * Math.PI * k / length))];
        _first = new AlignedFloats((length / 2 + 1) * Point);
        _second = new AlignedFloats((length / 2 + 1) * Point);
    }

    /// <summary>Magnitudes of the spectra of windows.</summary>
    /// <param name="x">Start of the first window.</param>
    /// <param name="step">Samples from one window to the next.</param>
    /// <param name="count">At most sixteen.</param>
    /// <param name="shape">[N], multiplied with each.</param>
    /// <param name="magnitudes">[count][N / 2 + 1].</param>
    public void Magnitudes(float* x, int step, int count, float* shape, float* magnitudes)
    {
        float* lanes = stackalloc float[Lanes];
        Spectra(x, step, count, shape, new MagnitudeSink(magnitudes, count, _length / 2 + 1, lanes));
    }

    /// <summary>Phases of the spectra of windows, in radians: otherwise as <see cref="Magnitudes"/>.</summary>
    public void Phases(float* x, int step, int count, float* shape, float* phases)
        => Spectra(x, step, count, shape, new PhaseSink(phases, count, _length / 2 + 1));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Spectra<TSink>(float* x, int step, int count, float* shape, TSink sink) where TSink : struct, ISink
    {
        float* z = _first.Pointer;
        for (var lane = 0; lane < count; lane++)
            for (var n = 0; n < _length; n++)
                z[n * Lanes + lane] = x[lane * step + n] * shape[n];
        z = _half.Forward(z, _second.Pointer);
        var middle = _length / 2;
        for (var k = 0; k <= middle; k++)
        {
            var (ar, ai, br, bi) = Pair(z, k % middle, (middle - k) % middle);
            // Even samples give (a + conj b) / 2, odd ones (a - conj b) / 2i, turned by k.
            Vector512<float> er = ar + br, ei = ai - bi, or = ai + bi, oi = br - ar;
            Vector512<float> c = Vector512.Create(_cos[k]), s = Vector512.Create(_sin[k]);
            var re = er + Vector512.FusedMultiplyAdd(or, c, -(oi * s));
            var im = ei + Vector512.FusedMultiplyAdd(or, s, oi * c);
            sink.Take(k, re, im);
        }
    }

    /// <summary>Windows from spectra; imaginary parts of the first and the last bin count as zero.</summary>
    /// <param name="re">[N / 2 + 1][16] real parts.</param>
    /// <param name="im">[N / 2 + 1][16] imaginary parts.</param>
    /// <param name="shape">[N], multiplied with each window.</param>
    /// <param name="windows">[count][N].</param>
    /// <param name="count">At most sixteen.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Windows(float* re, float* im, float* shape, float* windows, int count)
    {
        var middle = _length / 2;
        new Span<float>(im, Lanes).Clear();
        new Span<float>(im + middle * Lanes, Lanes).Clear();
        float* z = _first.Pointer;
        for (var k = 0; k < middle; k++)
        {
            Vector512<float> ar = Vector512.Load(re + k * Lanes), ai = Vector512.Load(im + k * Lanes);
            Vector512<float> br = Vector512.Load(re + (middle - k) * Lanes), bi = Vector512.Load(im + (middle - k) * Lanes);
            Vector512<float> er = ar + br, ei = ai - bi, dr = ar - br, di = ai + bi;
            Vector512<float> c = Vector512.Create(_cos[k]), s = Vector512.Create(-_sin[k]);
            // Z = even + i exp(2 pi i k / N) odd; stored with its parts swapped, which turns a forward transform into its inverse.
            var or = Vector512.FusedMultiplyAdd(dr, c, -(di * s));
            var oi = Vector512.FusedMultiplyAdd(dr, s, di * c);
            Vector512.Store(ei + or, z + k * Point);
            Vector512.Store(er - oi, z + k * Point + Lanes);
        }
        z = _half.Forward(z, _second.Pointer);
        var scale = 1f / _length;
        for (var n = 0; n < middle; n++)
            for (var lane = 0; lane < count; lane++)
            {
                windows[lane * _length + 2 * n] = z[n * Point + Lanes + lane] * scale * shape[2 * n];
                windows[lane * _length + 2 * n + 1] = z[n * Point + lane] * scale * shape[2 * n + 1];
            }
    }

    public void Dispose()
    {
        _first.Dispose();
        _second.Dispose();
    }

    /// <summary>Takes twice the numbers of a bin of all windows.</summary>
    private interface ISink
    {
        void Take(int bin, Vector512<float> re, Vector512<float> im);
    }

    private readonly struct MagnitudeSink(float* magnitudes, int count, int bins, float* lanes) : ISink
    {
        private readonly float* _magnitudes = magnitudes, _lanes = lanes;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Take(int bin, Vector512<float> re, Vector512<float> im)
        {
            Vector512.Store(Vector512.Sqrt(Vector512.FusedMultiplyAdd(re, re, im * im)) * Vector512.Create(0.5f), _lanes);
            for (var lane = 0; lane < count; lane++)
                _magnitudes[lane * bins + bin] = _lanes[lane];
        }
    }

    private readonly struct PhaseSink(float* phases, int count, int bins) : ISink
    {
        private readonly float* _phases = phases;

        public void Take(int bin, Vector512<float> re, Vector512<float> im)
        {
            for (var lane = 0; lane < count; lane++)
                _phases[lane * bins + bin] = MathF.Atan2(im[lane], re[lane]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<float> Ar, Vector512<float> Ai, Vector512<float> Br, Vector512<float> Bi) Pair(float* z, int a, int b)
        => (Vector512.Load(z + a * Point), Vector512.Load(z + a * Point + Lanes), Vector512.Load(z + b * Point), Vector512.Load(z + b * Point + Lanes));
}
