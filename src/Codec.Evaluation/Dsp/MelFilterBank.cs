namespace Codec.Evaluation.Dsp;

/// <summary>
/// Triangular filters equally spaced on Slaney's mel scale (linear below 1 kHz, logarithmic above), each of unit area
/// (2 / bandwidth). Filters too narrow to contain an FFT bin stay zero.
/// </summary>
public sealed class MelFilterBank
{
    private const double LinearStep = 200.0 / 3, LogStart = 1000, LogStartMel = LogStart / LinearStep;
    private static readonly double LogStep = Math.Log(6.4) / 27;

    private readonly int[] _first;
    private readonly double[][] _weights; // non-zero run of each filter

    /// <param name="bands">Filters.</param>
    /// <param name="fftLength">Points of the FFT whose one-sided spectrum is filtered.</param>
    /// <param name="sampleRate">Hz.</param>
    /// <param name="high">Upper edge in Hz; default half the sample rate.</param>
    public MelFilterBank(int bands, int fftLength, double sampleRate, double? high = null)
    {
        var top = ToMel(high ?? sampleRate / 2);
        var edges = Enumerable.Range(0, bands + 2).Select(i => ToHertz(top * i / (bands + 1))).ToArray();
        _first = new int[bands];
        _weights = new double[bands][];
        for (var m = 0; m < bands; m++)
        {
            var run = new List<double>();
            for (var k = 0; k <= fftLength / 2; k++)
            {
                var f = k * sampleRate / fftLength;
                var weight = Math.Min((f - edges[m]) / (edges[m + 1] - edges[m]), (edges[m + 2] - f) / (edges[m + 2] - edges[m + 1]));
                if (weight <= 0)
                    continue;
                if (run.Count == 0)
                    _first[m] = k;
                run.Add(weight * 2 / (edges[m + 2] - edges[m]));
            }
            _weights[m] = [.. run];
        }
    }

    /// <summary>Number of filters.</summary>
    public int Bands => _weights.Length;

    /// <summary>Filtered frames: [Frames x Bands].</summary>
    public Spectrogram Apply(Spectrogram spectrum)
    {
        var mel = new Spectrogram(new double[(long)spectrum.Frames * Bands], spectrum.Frames, Bands);
        for (var t = 0; t < spectrum.Frames; t++)
        {
            var input = spectrum.Frame(t);
            var output = mel.Frame(t);
            for (var m = 0; m < Bands; m++)
            {
                var weights = _weights[m];
                double sum = 0;
                for (var i = 0; i < weights.Length; i++)
                    sum += weights[i] * input[_first[m] + i];
                output[m] = sum;
            }
        }
        return mel;
    }

    private static double ToMel(double hertz)
        => hertz < LogStart ? hertz / LinearStep : LogStartMel + Math.Log(hertz / LogStart) / LogStep;

    private static double ToHertz(double mel)
        => mel < LogStartMel ? mel * LinearStep : LogStart * Math.Exp(LogStep * (mel - LogStartMel));
}
