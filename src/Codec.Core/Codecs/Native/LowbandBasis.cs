namespace Codec.Core.Codecs.Native;

/// <summary>The fixed linear maps of <see cref="Lowband"/>, computed once for a config.</summary>
internal sealed class LowbandBasis
{
    public LowbandBasis(NativeConfig config, LowbandConfig lowband)
    {
        var (hop, count, window) = (config.HopLength, lowband.Coefficients, config.WindowLength);
        Frames = (config.DelaySamples + hop - 1) / hop + 1;
        var atoms = Atoms(hop, count);
        Analysis = [.. atoms.SelectMany(atom => atom).Select(value => (float)value)];
        Spectra = new float[config.SpectraPerFrame * 2 * lowband.Bins * Frames * count];
        for (var s = 0; s < config.SpectraPerFrame; s++)
            for (var f = 0; f < Frames; f++)
                for (var k = 0; k < count; k++)
                {
                    // The window of spectrum s of frame t begins at t hop + s StftHop - delay; the atom of frame t + f + 1 - Frames one hop before its frame.
                    var shift = (f + 1 - Frames - 1) * hop - (s * config.StftHop - config.DelaySamples);
                    var seen = new double[window];
                    for (var n = Math.Max(0, shift); n < Math.Min(window, shift + 2 * hop); n++)
                        seen[n] = atoms[k][n - shift] * Hann(n, window);
                    for (var bin = 0; bin < lowband.Bins; bin++)
                    {
                        var (re, im) = (0.0, 0.0);
                        for (var n = Math.Max(0, shift); n < Math.Min(window, shift + 2 * hop); n++)
                        {
                            var (sin, cos) = Math.SinCos(2 * Math.PI * ((long)bin * n % window) / window);
                            (re, im) = (re + seen[n] * cos, im - seen[n] * sin);
                        }
                        Spectra[((s * 2 * lowband.Bins + bin) * Frames + f) * count + k] = (float)re;
                        Spectra[((s * 2 * lowband.Bins + lowband.Bins + bin) * Frames + f) * count + k] = (float)im;
                    }
                }
    }

    /// <summary>Frames of coefficients, the present one last, that the spectra of a frame depend on.</summary>
    public int Frames { get; }

    /// <summary>[coefficients][2 hop]: samples from a hop before a frame to its end, to the frame's coefficients.</summary>
    public float[] Analysis { get; }

    /// <summary>[spectra of a frame][real parts of the bins, then imaginary ones][<see cref="Frames"/>][coefficients].</summary>
    public float[] Spectra { get; }

    /// <summary>Windowed samples from the bins of a spectrum: [real parts, then imaginary ones][window], the window divided by what overlapping adds up to.</summary>
    public static float[] Synthesis(NativeConfig config, LowbandConfig lowband)
    {
        var (window, bins) = (config.WindowLength, lowband.Bins);
        var result = new float[2 * bins * window];
        for (var bin = 0; bin < bins; bin++)
            for (var n = 0; n < window; n++)
            {
                var (sin, cos) = Math.SinCos(2 * Math.PI * ((long)bin * n % window) / window);
                var scale = (bin == 0 || 2 * bin == window ? 1.0 : 2.0) / window * Hann(n, window) / (0.375 * window / config.StftHop);
                result[bin * window + n] = (float)(scale * cos);
                result[(bins + bin) * window + n] = (float)(-scale * sin);
            }
        return result;
    }

    /// <summary>Of the modified discrete cosine transform with a sine window (Princen, Johnson and Bradley 1987).</summary>
    private static double[][] Atoms(int hop, int count)
    {
        var atoms = new double[count][];
        for (var k = 0; k < count; k++)
        {
            atoms[k] = new double[2 * hop];
            for (var n = 0; n < 2 * hop; n++)
                atoms[k][n] = Math.Sqrt(2.0 / hop) * Math.Sin(Math.PI * (n + 0.5) / (2 * hop)) * Math.Cos(Math.PI / hop * (n + 0.5 + hop / 2.0) * (k + 0.5));
        }
        return atoms;
    }

    private static double Hann(int n, int length) => 0.5 - 0.5 * Math.Cos(2 * Math.PI * n / length);
}
