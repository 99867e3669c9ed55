using System.Numerics;

namespace Codec.Evaluation.Visqol;

/// <summary>
/// Slaney's ERB filter bank (Apple technical report 35, 1993): four cascaded second-order sections for each band.
/// Bands run side by side in vector registers. Immutable.
/// </summary>
internal sealed class GammatoneBank
{
    private const double EarQ = 9.26449, MinimumBandwidth = 24.7;
    private readonly int _lanes;                       // vectors of bands
    private readonly Vector<double>[] _a1, _a2;        // shared denominator of the four sections
    private readonly Vector<double>[][] _b0, _b1;      // [section][vector]

    /// <param name="sampleRate">Hz.</param>
    /// <param name="bands">Equally spaced on the ERB-rate scale, low to high.</param>
    /// <param name="low">Hz.</param>
    /// <param name="high">Hz.</param>
    public GammatoneBank(double sampleRate, int bands, double low, double high)
    {
        Bands = bands;
        _lanes = (bands + Vector<double>.Count - 1) / Vector<double>.Count;
        double[] a1 = new double[_lanes * Vector<double>.Count], a2 = new double[a1.Length];
        double[][] b0 = Sections(a1.Length), b1 = Sections(a1.Length);
        for (var band = 0; band < bands; band++)
            Design(Centre(bands - 1 - band, bands, low, high), 1 / sampleRate, band, a1, a2, b0, b1);
        (_a1, _a2) = (Pack(a1), Pack(a2));
        (_b0, _b1) = (Array.ConvertAll(b0, Pack), Array.ConvertAll(b1, Pack));
    }

    public int Bands { get; }

    private static double[][] Sections(int length) => [new double[length], new double[length], new double[length], new double[length]];

    private static double Centre(int index, int bands, double low, double high)
    {
        const double offset = EarQ * MinimumBandwidth;
        return -offset + Math.Exp((index + 1) * (Math.Log(low + offset) - Math.Log(high + offset)) / bands) * (high + offset);
    }

    private static void Design(double centre, double period, int band, double[] a1, double[] a2, double[][] b0, double[][] b1)
    {
        var width = 1.019 * 2 * Math.PI * (centre / EarQ + MinimumBandwidth);
        var decay = Math.Exp(-width * period);
        var (sin, cos) = Math.SinCos(2 * Math.PI * centre * period);
        a1[band] = -2 * cos * decay;
        a2[band] = decay * decay;
        var z = new Complex(cos, -sin); // z^-1 at the centre
        var gain = Complex.One;
        double[] roots = [Math.Sqrt(3 + Math.Pow(2, 1.5)), -Math.Sqrt(3 + Math.Pow(2, 1.5)), Math.Sqrt(3 - Math.Pow(2, 1.5)), -Math.Sqrt(3 - Math.Pow(2, 1.5))];
        for (var s = 0; s < roots.Length; s++)
        {
            b0[s][band] = period;
            b1[s][band] = -period * decay * (cos + roots[s] * sin);
            gain *= (period + b1[s][band] * z) / (1 + a1[band] * z + a2[band] * z * z);
        }
        b0[0][band] /= gain.Magnitude;
        b1[0][band] /= gain.Magnitude;
    }

    private static Vector<double>[] Pack(double[] values)
        => Enumerable.Range(0, values.Length / Vector<double>.Count).Select(i => new Vector<double>(values, i * Vector<double>.Count)).ToArray();

    /// <summary>Root mean square of every band's response to a frame, from a state of silence.</summary>
    public void Rms(ReadOnlySpan<double> frame, Span<double> bands)
    {
        Span<double> all = stackalloc double[_lanes * Vector<double>.Count];
        for (var lane = 0; lane < _lanes; lane++)
        {
            var power = Lane(frame, lane);
            Vector.SquareRoot(power / new Vector<double>(frame.Length)).CopyTo(all[(lane * Vector<double>.Count)..]);
        }
        all[..Bands].CopyTo(bands);
    }

    private Vector<double> Lane(ReadOnlySpan<double> frame, int lane)
    {
        var (a1, a2) = (_a1[lane], _a2[lane]);
        var (b00, b01, b02, b03) = (_b0[0][lane], _b0[1][lane], _b0[2][lane], _b0[3][lane]);
        var (b10, b11, b12, b13) = (_b1[0][lane], _b1[1][lane], _b1[2][lane], _b1[3][lane]);
        Vector<double> s0 = default, t0 = default, s1 = default, t1 = default, s2 = default, t2 = default, s3 = default, t3 = default, sum = default;
        foreach (var sample in frame)
        {
            // Transposed direct form II: y = b0 x + s; s = b1 x - a1 y + t; t = -a2 y.
            var x = new Vector<double>(sample);
            var y = b00 * x + s0;
            s0 = b10 * x - a1 * y + t0;
            t0 = -(a2 * y);
            x = y;
            y = b01 * x + s1;
            s1 = b11 * x - a1 * y + t1;
            t1 = -(a2 * y);
            x = y;
            y = b02 * x + s2;
            s2 = b12 * x - a1 * y + t2;
            t2 = -(a2 * y);
            x = y;
            y = b03 * x + s3;
            s3 = b13 * x - a1 * y + t3;
            t3 = -(a2 * y);
            sum += y * y;
        }
        return sum;
    }
}
