using Codec.Evaluation.Dsp;

namespace Codec.Evaluation.Visqol;

/// <summary>Neurogram similarity index (NSIM) of patches with one reference patch.</summary>
internal sealed class PatchSimilarity
{
    private const double Corner = 0.0113033910173052, Edge = 0.0838251475442633, Middle = 0.619485845753726;
    private const double C1 = 0.01 * 0.01, C3 = 0.03 * 0.03 / 2;

    private readonly int _frames, _bands, _stride;
    private readonly double[] _reference, _meanR, _varianceR;                 // patches with a replicated border, frame-major
    private readonly double[] _degraded, _product, _meanD, _meanDD, _meanRD;  // scratch

    /// <param name="picture">Spectrogram of the reference.</param>
    /// <param name="start">First frame of the patch; frames outside are zeros.</param>
    /// <param name="frames">Frames of the patch.</param>
    public PatchSimilarity(Spectrogram picture, int start, int frames)
    {
        (_frames, _bands, _stride) = (frames, picture.Bins, picture.Bins + 2);
        var size = (frames + 2) * _stride;
        (_reference, _degraded, _product) = (new double[size], new double[size], new double[size]);
        (_meanR, _varianceR, _meanD, _meanDD, _meanRD) = (New(), New(), New(), New(), New());
        Fill(picture, start, _reference);
        Smooth(_reference, _meanR);
        Multiply(_reference, _reference);
        Smooth(_product, _varianceR);
        for (var i = 0; i < _varianceR.Length; i++)
            _varianceR[i] -= _meanR[i] * _meanR[i];

        double[] New() => new double[frames * picture.Bins];
    }

    /// <summary>Mean similarity of each band over time.</summary>
    public double[] Bands(Spectrogram picture, int start)
    {
        Fill(picture, start, _degraded);
        Smooth(_degraded, _meanD);
        Multiply(_degraded, _degraded);
        Smooth(_product, _meanDD);
        Multiply(_reference, _degraded);
        Smooth(_product, _meanRD);
        var bands = new double[_bands];
        for (var i = 0; i < _meanR.Length; i++)
        {
            var (r, d) = (_meanR[i], _meanD[i]);
            var intensity = (2 * r * d + C1) / (r * r + d * d + C1);
            var spread = _varianceR[i] * (_meanDD[i] - d * d);
            var structure = (_meanRD[i] - r * d + C3) / ((spread > 0 ? Math.Sqrt(spread) : 0) + C3);
            bands[i % _bands] += intensity * structure;
        }
        for (var band = 0; band < _bands; band++)
            bands[band] /= _frames;
        return bands;
    }

    private void Fill(Spectrogram picture, int start, double[] target)
    {
        for (var t = -1; t <= _frames; t++)
        {
            var row = target.AsSpan((t + 1) * _stride, _stride);
            var frame = start + Math.Clamp(t, 0, _frames - 1);
            if (frame < 0 || frame >= picture.Frames)
            {
                row.Clear();
                continue;
            }
            picture.Frame(frame).CopyTo(row[1..]);
            (row[0], row[^1]) = (row[1], row[^2]);
        }
    }

    private void Multiply(double[] a, double[] b)
    {
        for (var i = 0; i < _product.Length; i++)
            _product[i] = a[i] * b[i];
    }

    /// <summary>3 x 3 Gaussian.</summary>
    private void Smooth(double[] source, double[] target)
    {
        for (var t = 0; t < _frames; t++)
        {
            var above = source.AsSpan(t * _stride, _stride);
            var centre = source.AsSpan((t + 1) * _stride, _stride);
            var below = source.AsSpan((t + 2) * _stride, _stride);
            var row = target.AsSpan(t * _bands, _bands);
            for (var k = 0; k < row.Length; k++)
                row[k] = Corner * (above[k] + above[k + 2] + below[k] + below[k + 2])
                       + Edge * (above[k + 1] + below[k + 1] + centre[k] + centre[k + 2])
                       + Middle * centre[k + 1];
        }
    }
}
