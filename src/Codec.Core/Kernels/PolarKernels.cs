using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Codec.Core.Kernels;

/// <summary>Rows of (log-magnitudes, phases), [2 F] each, to complex spectra, [F] pairs, and the gradient of it.</summary>
internal static unsafe class PolarKernels
{
    private const int Lanes = RowTile.Lanes;

    /// <summary>e^min(l, most) (cos p + i sin p).</summary>
    /// <param name="polar">[rows, 2 F].</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="bins">F.</param>
    /// <param name="most">Largest log-magnitude that counts.</param>
    /// <param name="spectrum">[rows, F] pairs, the result.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Forward(float* polar, long rows, int bins, float most, float* spectrum)
    {
        for (long row = 0; row < rows; row++, polar += 2 * bins, spectrum += 2 * bins)
            for (var f = 0; f < bins; f += Lanes)
            {
                var at = Math.Min(f, bins - Lanes); // the last vector overlaps the one before
                var magnitude = VectorMath.Exp(Vector512.Max(Vector512.Min(Vector512.Load(polar + at), Vector512.Create(most)), Vector512.Create(-80f)));
                var (sin, cos) = VectorMath.SinCos(Vector512.Load(polar + bins + at));
                SpectrumKernels.Store(spectrum + 2 * at, magnitude * cos, magnitude * sin);
            }
    }

    /// <summary>Gradient of log-magnitudes and phases from that of the inverse transform of a windowed frame.</summary>
    /// <param name="polar">[rows, 2 F], the input of <see cref="Forward"/>.</param>
    /// <param name="spectrum">[rows, F] pairs, its result.</param>
    /// <param name="transformed">[rows, F] pairs: the real transform of the gradient of the frames.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="bins">F; frames have 2 (F - 1) samples.</param>
    /// <param name="most">Largest log-magnitude that counts.</param>
    /// <param name="gradient">[rows, 2 F], the result.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Backward(float* polar, float* spectrum, float* transformed, long rows, int bins, float most, float* gradient)
    {
        // The inverse of a real transform counts every bin but the outer ones twice and does not see the outer ones' imaginary parts.
        float once = 1f / (2 * (bins - 1)), twice = 2 * once;
        for (long row = 0; row < rows; row++, polar += 2 * bins, spectrum += 2 * bins, transformed += 2 * bins, gradient += 2 * bins)
        {
            for (var f = 0; f < bins; f += Lanes)
            {
                var at = Math.Min(f, bins - Lanes);
                var (re, im) = SpectrumKernels.Load(spectrum + 2 * at);
                var (dRe, dIm) = SpectrumKernels.Load(transformed + 2 * at);
                var along = (re * dRe + im * dIm) * Vector512.Create(twice);
                var counts = Vector512.LessThan(Vector512.Load(polar + at), Vector512.Create(most));
                Vector512.Store(Vector512.ConditionalSelect(counts, along, Vector512<float>.Zero), gradient + at);
                Vector512.Store((re * dIm - im * dRe) * Vector512.Create(twice), gradient + bins + at);
            }
            foreach (var f in (ReadOnlySpan<int>)[0, bins - 1])
            {
                var dRe = transformed[2 * f] * once;
                gradient[f] = polar[f] < most ? spectrum[2 * f] * dRe : 0;
                gradient[bins + f] = -spectrum[2 * f + 1] * dRe;
            }
        }
    }
}
