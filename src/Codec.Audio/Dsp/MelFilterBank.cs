namespace Codec.Audio.Dsp;

/// <summary>How mel relates to Hz.</summary>
public enum MelScale
{
    /// <summary>Linear below 1 kHz, logarithmic above (Auditory Toolbox; librosa's default).</summary>
    Slaney,

    /// <summary>2595 log10(1 + f / 700) (HTK; torchaudio's default).</summary>
    Htk,
}

/// <summary>A filter bank.</summary>
public sealed record MelConfig
{
    /// <summary>Filters.</summary>
    public required int Bands { get; init; }

    /// <summary>Points of the FFT whose one-sided spectrum is filtered.</summary>
    public required int FftLength { get; init; }

    /// <summary>Hz.</summary>
    public required double SampleRate { get; init; }

    /// <summary>Lower edge of the lowest filter in Hz.</summary>
    public double Low { get; init; }

    /// <summary>Upper edge of the highest filter in Hz; null for half the sample rate.</summary>
    public double? High { get; init; }

    public MelScale Scale { get; init; }

    /// <summary>True: filters of unit area (2 / bandwidth), as Slaney's; false: of unit height.</summary>
    public bool UnitArea { get; init; } = true;
}

/// <summary>
/// Triangular filters equally spaced on a mel scale. Filters too narrow to contain an FFT bin stay zero.
/// </summary>
public sealed class MelFilterBank
{
    private const double LinearStep = 200.0 / 3, LogStart = 1000, LogStartMel = LogStart / LinearStep;
    private static readonly double LogStep = Math.Log(6.4) / 27;

    private readonly int[] _first;
    private readonly double[][] _weights; // non-zero run of each filter
    private readonly int _bins;

    /// <summary>Slaney's filters of unit area from 0 Hz on.</summary>
    public MelFilterBank(int bands, int fftLength, double sampleRate, double? high = null)
        : this(new MelConfig { Bands = bands, FftLength = fftLength, SampleRate = sampleRate, High = high })
    {
    }

    public MelFilterBank(MelConfig config)
    {
        var (low, high) = (ToMel(config.Low, config.Scale), ToMel(config.High ?? config.SampleRate / 2, config.Scale));
        var edges = Enumerable.Range(0, config.Bands + 2)
            .Select(i => ToHertz(low + (high - low) * i / (config.Bands + 1), config.Scale)).ToArray();
        _bins = config.FftLength / 2 + 1;
        _first = new int[config.Bands];
        _weights = new double[config.Bands][];
        for (var m = 0; m < config.Bands; m++)
        {
            var height = config.UnitArea ? 2 / (edges[m + 2] - edges[m]) : 1;
            var run = new List<double>();
            for (var k = 0; k < _bins; k++)
            {
                var f = k * config.SampleRate / config.FftLength;
                var weight = Math.Min((f - edges[m]) / (edges[m + 1] - edges[m]), (edges[m + 2] - f) / (edges[m + 2] - edges[m + 1]));
                if (weight <= 0)
                    continue;
                if (run.Count == 0)
                    _first[m] = k;
                run.Add(weight * height);
            }
            _weights[m] = [.. run];
        }
    }

    /// <summary>The filters as a dense matrix [Bands x FftLength / 2 + 1], row after row, e.g. for a tensor.</summary>
    public float[] ToMatrix()
    {
        var matrix = new float[Bands * _bins];
        for (var m = 0; m < Bands; m++)
            for (var i = 0; i < _weights[m].Length; i++)
                matrix[m * _bins + _first[m] + i] = (float)_weights[m][i];
        return matrix;
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

    private static double ToMel(double hertz, MelScale scale)
        => scale == MelScale.Htk ? 2595 * Math.Log10(1 + hertz / 700)
            : hertz < LogStart ? hertz / LinearStep : LogStartMel + Math.Log(hertz / LogStart) / LogStep;

    private static double ToHertz(double mel, MelScale scale)
        => scale == MelScale.Htk ? 700 * (Math.Pow(10, mel / 2595) - 1)
            : mel < LogStartMel ? mel * LinearStep : LogStart * Math.Exp(LogStep * (mel - LogStartMel));
}
