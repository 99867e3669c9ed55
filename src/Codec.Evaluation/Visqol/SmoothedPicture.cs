using System.Numerics;

namespace Codec.Evaluation.Visqol;

/// <summary>
/// A spectrogram with its local means and mean squares under a 3 x 3 Gaussian, for patches that begin anywhere: a frame inside a patch sees both
/// neighbours, the first and the last frame of a patch see themselves instead of the one outside. Bands are padded with zeros to whole vectors.
/// </summary>
internal sealed class SmoothedPicture
{
    private const double Corner = 0.0113033910173052, Edge = 0.0838251475442633, Middle = 0.619485845753726;
    private readonly int _margin, _width;
    private readonly double[] _values;                     // zeros before and after the picture, so that patches may leave it
    private readonly double[][] _means = new double[3][], _squares = new double[3][]; // inside, first, last of a patch

    /// <param name="picture">Any.</param>
    /// <param name="margin">Frames by which patches may leave the picture.</param>
    public SmoothedPicture(Spectrogram picture, int margin)
    {
        (_margin, _width) = (margin, Padded(picture.Bins));
        var frames = picture.Frames + 2 * margin;
        _values = new double[frames * _width];
        for (var t = 0; t < picture.Frames; t++)
            picture.Frame(t).CopyTo(_values.AsSpan((t + margin) * _width));
        var squares = Array.ConvertAll(_values, x => x * x);
        for (var kind = 0; kind < 3; kind++)
        {
            (_means[kind], _squares[kind]) = (new double[_values.Length], new double[_values.Length]);
            for (var t = 0; t < frames; t++)
            {
                var above = kind == 1 ? t : Math.Max(0, t - 1);
                var below = kind == 2 ? t : Math.Min(frames - 1, t + 1);
                SmoothRow(_values, above, t, below, _means[kind], picture.Bins, _width);
                SmoothRow(squares, above, t, below, _squares[kind], picture.Bins, _width);
            }
        }
    }

    /// <summary>Bands rounded up to whole vectors.</summary>
    public static int Padded(int bands) => (bands + Vector<double>.Count - 1) / Vector<double>.Count * Vector<double>.Count;

    /// <summary>Frames of a patch, padded bands together.</summary>
    public ReadOnlySpan<double> Frames(int start, int count) => _values.AsSpan((start + _margin) * _width, count * _width);

    /// <summary>Local mean and mean square at a frame, by its place in the patch.</summary>
    public void Means(int frame, bool first, bool last, out ReadOnlySpan<double> mean, out ReadOnlySpan<double> square)
    {
        var kind = first ? 1 : last ? 2 : 0;
        var at = (frame + _margin) * _width;
        mean = _means[kind].AsSpan(at, _width);
        square = _squares[kind].AsSpan(at, _width);
    }

    /// <summary>A patch by itself, with replicated borders: [frame][padded band].</summary>
    public static void Smooth(double[] source, double[] target, int bands, int width)
    {
        var frames = source.Length / width;
        for (var t = 0; t < frames; t++)
            SmoothRow(source, Math.Max(0, t - 1), t, Math.Min(frames - 1, t + 1), target, bands, width);
    }

    private static void SmoothRow(double[] source, int above, int centre, int below, double[] target, int bands, int width)
    {
        ReadOnlySpan<double> a = source.AsSpan(above * width, bands), c = source.AsSpan(centre * width, bands), b = source.AsSpan(below * width, bands);
        var row = target.AsSpan(centre * width, bands);
        row[0] = Cell(a, c, b, 0, 0, Math.Min(1, bands - 1));
        var k = 1;
        var (corner, edge, middle) = (new Vector<double>(Corner), new Vector<double>(Edge), new Vector<double>(Middle));
        for (; k + Vector<double>.Count < bands; k += Vector<double>.Count)
        {
            var sum = corner * (new Vector<double>(a[(k - 1)..]) + new Vector<double>(a[(k + 1)..]) + new Vector<double>(b[(k - 1)..]) + new Vector<double>(b[(k + 1)..]))
                    + edge * (new Vector<double>(a[k..]) + new Vector<double>(b[k..]) + new Vector<double>(c[(k - 1)..]) + new Vector<double>(c[(k + 1)..]))
                    + middle * new Vector<double>(c[k..]);
            sum.CopyTo(row[k..]);
        }
        for (; k < bands; k++)
            row[k] = Cell(a, c, b, k - 1, k, Math.Min(k + 1, bands - 1));
    }

    private static double Cell(ReadOnlySpan<double> a, ReadOnlySpan<double> c, ReadOnlySpan<double> b, int left, int k, int right)
        => Corner * (a[left] + a[right] + b[left] + b[right]) + Edge * (a[k] + b[k] + c[left] + c[right]) + Middle * c[k];
}
