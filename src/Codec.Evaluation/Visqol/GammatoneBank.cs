using System.Numerics;
using System.Runtime.Intrinsics;

namespace Codec.Evaluation.Visqol;

/// <summary>
/// Slaney's ERB filter bank (Apple technical report 35, 1993): four cascaded second-order sections for each band.
/// Bands run side by side in vector registers. Immutable.
/// </summary>
internal sealed class GammatoneBank
{
    private const double EarQ = 9.26449, MinimumBandwidth = 24.7;
    private const int Width = 8;                          // bands of a vector
    private readonly int _lanes;                          // vectors of bands
    private readonly Vector512<double>[] _a1, _a2, _b0;   // denominator that the four sections share, negated; gain of all four
    private readonly Vector512<double>[][] _b1;           // [section][vector], where the numerator is 1 + b1 / z

    /// <param name="sampleRate">Hz.</param>
    /// <param name="bands">Equally spaced on the ERB-rate scale, low to high.</param>
    /// <param name="low">Hz.</param>
    /// <param name="high">Hz.</param>
    public GammatoneBank(double sampleRate, int bands, double low, double high)
    {
        Bands = bands;
        _lanes = (bands + Width - 1) / Width;
        double[] a1 = new double[_lanes * Width], a2 = new double[a1.Length], b0 = new double[a1.Length];
        double[][] b1 = [new double[a1.Length], new double[a1.Length], new double[a1.Length], new double[a1.Length]];
        for (var band = 0; band < bands; band++)
            Design(Centre(bands - 1 - band, bands, low, high), 1 / sampleRate, band, a1, a2, b0, b1);
        (_a1, _a2, _b0, _b1) = (Pack(a1), Pack(a2), Pack(b0), Array.ConvertAll(b1, Pack));
    }

    public int Bands { get; }

    private static double Centre(int index, int bands, double low, double high)
    {
        const double offset = EarQ * MinimumBandwidth;
        return -offset + Math.Exp((index + 1) * (Math.Log(low + offset) - Math.Log(high + offset)) / bands) * (high + offset);
    }

    private static void Design(double centre, double period, int band, double[] a1, double[] a2, double[] b0, double[][] b1)
    {
        var width = 1.019 * 2 * Math.PI * (centre / EarQ + MinimumBandwidth);
        var decay = Math.Exp(-width * period);
        var (sin, cos) = Math.SinCos(2 * Math.PI * centre * period);
        a1[band] = 2 * cos * decay;
        a2[band] = -decay * decay;
        var z = new Complex(cos, -sin); // z^-1 at the centre
        var gain = Complex.One;
        double[] roots = [Math.Sqrt(3 + Math.Pow(2, 1.5)), -Math.Sqrt(3 + Math.Pow(2, 1.5)), Math.Sqrt(3 - Math.Pow(2, 1.5)), -Math.Sqrt(3 - Math.Pow(2, 1.5))];
        for (var s = 0; s < roots.Length; s++)
        {
            b1[s][band] = -decay * (cos + roots[s] * sin);
            gain *= (1 + b1[s][band] * z) / (1 - a1[band] * z - a2[band] * z * z);
        }
        b0[band] = 1 / gain.Magnitude; // unit gain at the centre
    }

    private static Vector512<double>[] Pack(double[] values)
        => [.. Enumerable.Range(0, values.Length / Width).Select(i => Vector512.Create(values.AsSpan(i * Width, Width)))];

    /// <summary>Root mean square of every band's response to a frame, from a state of silence.</summary>
    public void Rms(ReadOnlySpan<double> frame, Span<double> bands)
    {
        Span<double> all = stackalloc double[_lanes * Width];
        for (var lane = 0; lane < _lanes; lane++)
        {
            var power = Lane(frame, lane);
            Vector512.Sqrt(power / frame.Length).CopyTo(all[(lane * Width)..]);
        }
        all[..Bands].CopyTo(bands);
    }

    private Vector512<double> Lane(ReadOnlySpan<double> frame, int lane)
    {
        var (a1, a2) = (_a1[lane], _a2[lane]);
        var (b0, b10, b11, b12, b13) = (_b0[lane], _b1[0][lane], _b1[1][lane], _b1[2][lane], _b1[3][lane]);
        Vector512<double> s0 = default, t0 = default, s1 = default, t1 = default, s2 = default, t2 = default, s3 = default, t3 = default, sum = default;
        foreach (var sample in frame)
        {
            // Transposed direct form II, minus signs kept in a1 and a2: y = x + s; s = b1 x + a1 y + t; t = a2 y.
            var x = b0 * sample;
            var y = x + s0;
            s0 = Vector512.FusedMultiplyAdd(a1, y, Vector512.FusedMultiplyAdd(b10, x, t0));
            t0 = a2 * y;
            x = y + s1;
            s1 = Vector512.FusedMultiplyAdd(a1, x, Vector512.FusedMultiplyAdd(b11, y, t1));
            t1 = a2 * x;
            y = x + s2;
            s2 = Vector512.FusedMultiplyAdd(a1, y, Vector512.FusedMultiplyAdd(b12, x, t2));
            t2 = a2 * y;
            x = y + s3;
            s3 = Vector512.FusedMultiplyAdd(a1, x, Vector512.FusedMultiplyAdd(b13, y, t3));
            t3 = a2 * x;
            sum = Vector512.FusedMultiplyAdd(x, x, sum);
        }
        return sum;
    }
}
