using System.Collections.Concurrent;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Codec.Audio.Dsp;

/// <summary>
/// Double-precision discrete Fourier transform of one length, on split real and imaginary arrays.
/// Powers of two run a decimation-in-time radix-2 kernel (vectorised once a stage is wide enough);
/// every other length goes through Bluestein's chirp convolution. Plans are immutable and may be shared by threads.
/// </summary>
public sealed class Fft
{
    /// <summary>Stages that are done block by block while a block stays in the cache: 4096 points, 64 KiB.</summary>
    private const int CachedStages = 12;

    private const int LongestKeptChirp = 1 << 14;

    private static readonly ConcurrentDictionary<int, Fft> Plans = new();

    private readonly int[] _swaps = [];          // pairs (i, j), i < j, of the bit reversal
    private readonly double[][] _cos = [];       // per stage: twiddles of one butterfly group
    private readonly double[][] _sin = [];
    private readonly Bluestein? _chirp;

    private Fft(int length)
    {
        Length = length;
        if (!BitOperations.IsPow2(length))
        {
            _chirp = new Bluestein(length);
            return;
        }
        _swaps = BitReversal(length);
        var stages = BitOperations.Log2((uint)length);
        _cos = new double[stages][];
        _sin = new double[stages][];
        for (var s = 0; s < stages; s++)
        {
            var half = 1 << s;
            _cos[s] = Table(half, k => Math.Cos(Math.PI * k / half));
            _sin[s] = Table(half, k => -Math.Sin(Math.PI * k / half));
        }
    }

    /// <summary>Points.</summary>
    public int Length { get; }

    /// <summary>The plan for a length; shared, except long ones that are no powers of two: a file of every length would leave its tables behind.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The length is not positive.</exception>
    public static Fft Of(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        return BitOperations.IsPow2(length) || length <= LongestKeptChirp ? Plans.GetOrAdd(length, static n => new Fft(n)) : new Fft(length);
    }

    /// <summary>The next power of two that is at least <paramref name="length"/>.</summary>
    public static int PowerOfTwo(int length) => (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(1, length));

    /// <summary>X[k] = sum x[n] exp(-2 pi i k n / N), in place.</summary>
    public void Forward(Span<double> re, Span<double> im)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(re.Length, Length);
        ArgumentOutOfRangeException.ThrowIfNotEqual(im.Length, Length);
        if (_chirp is not null)
        {
            _chirp.Forward(re, im);
            return;
        }
        for (var i = 0; i < _swaps.Length; i += 2)
        {
            var (a, b) = (_swaps[i], _swaps[i + 1]);
            (re[a], re[b]) = (re[b], re[a]);
            (im[a], im[b]) = (im[b], im[a]);
        }
        var inner = Math.Min(_cos.Length, CachedStages);
        for (var start = 0; start < Length; start += 1 << inner)
            Stages(re.Slice(start, 1 << inner), im.Slice(start, 1 << inner), 0, inner);
        Stages(re, im, inner, _cos.Length);
    }

    /// <summary>Stages [first, last) of whole butterfly groups, two at a time where they are wide: memory is read half as often.</summary>
    private void Stages(Span<double> re, Span<double> im, int first, int last)
    {
        for (var s = first; s < last; s++)
            if (1 << s < Vector<double>.Count)
                NarrowStage(re, im, _cos[s], _sin[s]);
            else if (s + 1 < last)
                WideStages(re, im, s++);
            else
                WideStage(re, im, _cos[s], _sin[s]);
    }

    /// <summary>The inverse, in place, divided by N.</summary>
    public void Inverse(Span<double> re, Span<double> im)
    {
        Forward(im, re); // swapping the parts conjugates
        var scale = 1.0 / Length;
        for (var i = 0; i < Length; i++)
        {
            re[i] *= scale;
            im[i] *= scale;
        }
    }

    private static void NarrowStage(Span<double> re, Span<double> im, double[] cos, double[] sin)
    {
        var half = cos.Length;
        for (var start = 0; start < re.Length; start += 2 * half)
            for (var k = 0; k < half; k++)
            {
                int a = start + k, b = a + half;
                var tr = re[b] * cos[k] - im[b] * sin[k];
                var ti = re[b] * sin[k] + im[b] * cos[k];
                (re[a], re[b]) = (re[a] + tr, re[a] - tr);
                (im[a], im[b]) = (im[a] + ti, im[a] - ti);
            }
    }

    /// <summary>Stages s and s + 1: the butterflies of two stages, in their order, on registers.</summary>
    private void WideStages(Span<double> re, Span<double> im, int s)
    {
        var half = 1 << s;
        Span<Vector<double>> c = Wide(_cos[s]), d = Wide(_sin[s]);
        Span<Vector<double>> c0 = Wide(_cos[s + 1].AsSpan(0, half)), d0 = Wide(_sin[s + 1].AsSpan(0, half));
        Span<Vector<double>> c1 = Wide(_cos[s + 1].AsSpan(half)), d1 = Wide(_sin[s + 1].AsSpan(half));
        for (var start = 0; start < re.Length; start += 4 * half)
        {
            Span<Vector<double>> r0 = Wide(re.Slice(start, half)), r1 = Wide(re.Slice(start + half, half));
            Span<Vector<double>> r2 = Wide(re.Slice(start + 2 * half, half)), r3 = Wide(re.Slice(start + 3 * half, half));
            Span<Vector<double>> i0 = Wide(im.Slice(start, half)), i1 = Wide(im.Slice(start + half, half));
            Span<Vector<double>> i2 = Wide(im.Slice(start + 2 * half, half)), i3 = Wide(im.Slice(start + 3 * half, half));
            for (var k = 0; k < c.Length; k++)
            {
                Vector<double> tr = r1[k] * c[k] - i1[k] * d[k], ti = r1[k] * d[k] + i1[k] * c[k];
                Vector<double> ur = r3[k] * c[k] - i3[k] * d[k], ui = r3[k] * d[k] + i3[k] * c[k];
                Vector<double> ar = r0[k] + tr, ai = i0[k] + ti, br = r0[k] - tr, bi = i0[k] - ti;
                Vector<double> er = r2[k] + ur, ei = i2[k] + ui, fr = r2[k] - ur, fi = i2[k] - ui;
                tr = er * c0[k] - ei * d0[k];
                ti = er * d0[k] + ei * c0[k];
                ur = fr * c1[k] - fi * d1[k];
                ui = fr * d1[k] + fi * c1[k];
                r0[k] = ar + tr;
                i0[k] = ai + ti;
                r2[k] = ar - tr;
                i2[k] = ai - ti;
                r1[k] = br + ur;
                i1[k] = bi + ui;
                r3[k] = br - ur;
                i3[k] = bi - ui;
            }
        }
    }

    private static Span<Vector<double>> Wide(Span<double> values) => MemoryMarshal.Cast<double, Vector<double>>(values);

    private static void WideStage(Span<double> re, Span<double> im, double[] cos, double[] sin)
    {
        var half = cos.Length;
        var c = MemoryMarshal.Cast<double, Vector<double>>(cos);
        var s = MemoryMarshal.Cast<double, Vector<double>>(sin);
        for (var start = 0; start < re.Length; start += 2 * half)
        {
            var ra = MemoryMarshal.Cast<double, Vector<double>>(re.Slice(start, half));
            var rb = MemoryMarshal.Cast<double, Vector<double>>(re.Slice(start + half, half));
            var ia = MemoryMarshal.Cast<double, Vector<double>>(im.Slice(start, half));
            var ib = MemoryMarshal.Cast<double, Vector<double>>(im.Slice(start + half, half));
            for (var k = 0; k < c.Length; k++)
            {
                var tr = rb[k] * c[k] - ib[k] * s[k];
                var ti = rb[k] * s[k] + ib[k] * c[k];
                rb[k] = ra[k] - tr;
                ra[k] += tr;
                ib[k] = ia[k] - ti;
                ia[k] += ti;
            }
        }
    }

    private static int[] BitReversal(int length)
    {
        var swaps = new List<int>();
        for (int i = 1, j = 0; i < length; i++)
        {
            var bit = length >> 1;
            for (; (j & bit) != 0; bit >>= 1)
                j ^= bit;
            j |= bit;
            if (i < j)
                swaps.AddRange([i, j]);
        }
        return [.. swaps];
    }

    private static double[] Table(int count, Func<int, double> value)
        => Enumerable.Range(0, count).Select(value).ToArray();

    /// <summary>A transform of any length as a circular convolution with a chirp (Bluestein 1970).</summary>
    private sealed class Bluestein
    {
        private readonly Fft _inner;
        private readonly double[] _cos, _sin, _kernelRe, _kernelIm;

        public Bluestein(int length)
        {
            _inner = Of(PowerOfTwo(2 * length - 1));
            // k^2 mod 2N keeps the angle exact for long transforms.
            _cos = Table(length, k => Math.Cos(Math.PI * ((long)k * k % (2L * length)) / length));
            _sin = Table(length, k => Math.Sin(Math.PI * ((long)k * k % (2L * length)) / length));
            _kernelRe = new double[_inner.Length];
            _kernelIm = new double[_inner.Length];
            for (var k = 0; k < length; k++)
            {
                var mirror = (_inner.Length - k) % _inner.Length;
                _kernelRe[k] = _kernelRe[mirror] = _cos[k];
                _kernelIm[k] = _kernelIm[mirror] = _sin[k];
            }
            _inner.Forward(_kernelRe, _kernelIm);
        }

        public void Forward(Span<double> re, Span<double> im)
        {
            double[] wr = new double[_inner.Length], wi = new double[_inner.Length];
            for (var k = 0; k < re.Length; k++)
            {
                wr[k] = re[k] * _cos[k] + im[k] * _sin[k];
                wi[k] = im[k] * _cos[k] - re[k] * _sin[k];
            }
            _inner.Forward(wr, wi);
            for (var k = 0; k < wr.Length; k++)
                (wr[k], wi[k]) = (wr[k] * _kernelRe[k] - wi[k] * _kernelIm[k], wr[k] * _kernelIm[k] + wi[k] * _kernelRe[k]);
            _inner.Inverse(wr, wi);
            for (var k = 0; k < re.Length; k++)
            {
                re[k] = wr[k] * _cos[k] + wi[k] * _sin[k];
                im[k] = wi[k] * _cos[k] - wr[k] * _sin[k];
            }
        }
    }
}
