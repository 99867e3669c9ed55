using System.Numerics;
using System.Runtime.InteropServices;

namespace Codec.Evaluation.Visqol;

/// <summary>
/// Neurogram similarity index (NSIM) of one reference patch with patches of a degraded spectrogram. Patches are smoothed by a
/// 3 x 3 Gaussian with replicated borders; what does not depend on the place is computed once for the whole spectrogram.
/// </summary>
internal sealed class PatchSimilarity
{
    private const double C1 = 0.01 * 0.01, C3 = 0.03 * 0.03 / 2;

    private readonly int _frames, _bands, _width;
    private readonly double[] _reference, _meanR, _varianceR; // [frame][padded band]
    private readonly double[] _product, _meanRD;              // scratch

    /// <param name="picture">Spectrogram of the reference.</param>
    /// <param name="start">First frame of the patch; frames outside are zeros.</param>
    /// <param name="frames">Frames of the patch.</param>
    public PatchSimilarity(Spectrogram picture, int start, int frames)
    {
        (_frames, _bands, _width) = (frames, picture.Bins, SmoothedPicture.Padded(picture.Bins));
        _reference = new double[frames * _width];
        for (var t = 0; t < frames; t++)
            if (start + t >= 0 && start + t < picture.Frames)
                picture.Frame(start + t).CopyTo(_reference.AsSpan(t * _width));
        (_meanR, _varianceR, _product, _meanRD) = (new double[_reference.Length], new double[_reference.Length], new double[_reference.Length], new double[_reference.Length]);
        SmoothedPicture.Smooth(_reference, _meanR, _bands, _width);
        Multiply(_reference, _reference, _product);
        SmoothedPicture.Smooth(_product, _varianceR, _bands, _width);
        for (var i = 0; i < _varianceR.Length; i++)
            _varianceR[i] -= _meanR[i] * _meanR[i];
    }

    /// <summary>Mean similarity of each band over time.</summary>
    /// <param name="degraded">As many bands as the reference.</param>
    /// <param name="start">First frame of the patch.</param>
    public double[] Bands(SmoothedPicture degraded, int start)
    {
        Multiply(_reference, degraded.Frames(start, _frames), _product);
        SmoothedPicture.Smooth(_product, _meanRD, _bands, _width);
        Span<double> sums = stackalloc double[_width];
        var total = Wide(sums);
        for (var t = 0; t < _frames; t++)
        {
            degraded.Means(start + t, first: t == 0, last: t == _frames - 1, out var meanD, out var meanDD);
            Add(Wide(_meanR.AsSpan(t * _width, _width)), Wide(_varianceR.AsSpan(t * _width, _width)), Wide(_meanRD.AsSpan(t * _width, _width)), Wide(meanD), Wide(meanDD), total);
        }
        var bands = sums[.._bands].ToArray();
        for (var band = 0; band < _bands; band++)
            bands[band] /= _frames;
        return bands;
    }

    private static void Add(ReadOnlySpan<Vector<double>> meanR, ReadOnlySpan<Vector<double>> varianceR, ReadOnlySpan<Vector<double>> meanRD,
        ReadOnlySpan<Vector<double>> meanD, ReadOnlySpan<Vector<double>> meanDD, Span<Vector<double>> total)
    {
        var (c1, c3) = (new Vector<double>(C1), new Vector<double>(C3));
        for (var k = 0; k < total.Length; k++)
        {
            var (r, d) = (meanR[k], meanD[k]);
            var intensity = (2 * r * d + c1) / (r * r + d * d + c1);
            var spread = varianceR[k] * (meanDD[k] - d * d);
            var structure = (meanRD[k] - r * d + c3) / (Vector.SquareRoot(Vector.Max(spread, Vector<double>.Zero)) + c3);
            total[k] += intensity * structure;
        }
    }

    private static void Multiply(ReadOnlySpan<double> a, ReadOnlySpan<double> b, Span<double> product)
    {
        ReadOnlySpan<Vector<double>> x = Wide(a), y = Wide(b);
        var z = Wide(product);
        for (var i = 0; i < z.Length; i++)
            z[i] = x[i] * y[i];
    }

    private static ReadOnlySpan<Vector<double>> Wide(ReadOnlySpan<double> values) => MemoryMarshal.Cast<double, Vector<double>>(values);

    private static Span<Vector<double>> Wide(Span<double> values) => MemoryMarshal.Cast<double, Vector<double>>(values);
}
