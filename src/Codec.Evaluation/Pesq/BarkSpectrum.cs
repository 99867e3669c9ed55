namespace Codec.Evaluation.Pesq;

/// <summary>Power and loudness in Bark bands, and the disturbance between two frames (P.862 sections 10.2.2 to 10.2.9).</summary>
internal sealed class BarkSpectrum
{
    private const double LoudnessScale = 0.1866055, ZwickerPower = 0.23, DeadZone = 0.25;
    private const double AsymmetryOffset = 50, AsymmetryPower = 1.2, AsymmetryLow = 3, AsymmetryHigh = 12;

    private readonly PesqSettings _settings;
    private readonly RealFft _fft;
    private readonly double[] _window, _block, _re, _im, _exponent;
    private readonly double _totalWidth;

    public BarkSpectrum(PesqSettings settings)
    {
        _settings = settings;
        _fft = new RealFft(settings.Frame);
        _window = Windows.Hann(settings.Frame);
        _block = new double[settings.Frame];
        _re = new double[_fft.Bins];
        _im = new double[_fft.Bins];
        _exponent = Array.ConvertAll(settings.CentreBark,
            z => ZwickerPower * (z < 4 ? Math.Pow(Math.Min(2, 6 / (z + 2)), 0.15) : 1));
        _totalWidth = settings.WidthBark.Skip(1).Sum();
    }

    public int Bands => _settings.BinsPerBand.Length;

    /// <summary>Band powers of the frame that starts at a sample; zeros where it leaves the signal.</summary>
    public double[] Power(double[] signal, int start)
    {
        var bands = new double[Bands];
        if (start <= 0 || start + _settings.Frame >= signal.Length)
            return bands;
        for (var i = 0; i < _block.Length; i++)
            _block[i] = signal[start + i] * _window[i];
        _fft.Forward(_block, _re, _im);
        _re[0] = _im[0] = 0;
        for (int band = 0, k = 0; band < bands.Length; band++)
        {
            double sum = 0;
            for (var end = k + _settings.BinsPerBand[band]; k < end; k++)
                sum += _re[k] * _re[k] + _im[k] * _im[k];
            bands[band] = sum * _settings.Correction[band] * _settings.PowerScale;
        }
        return bands;
    }

    /// <summary>Sum over the bands, the lowest excluded, that exceed a multiple of the hearing threshold.</summary>
    public double Audible(double[] power, double factor)
    {
        double sum = 0;
        for (var band = 1; band < power.Length; band++)
            if (power[band] > factor * _settings.HearingThreshold[band])
                sum += power[band];
        return sum;
    }

    /// <summary>Symmetric and asymmetric disturbance of a frame.</summary>
    public (double Symmetric, double Asymmetric) Disturbance(double[] reference, double[] degraded)
    {
        double squares = 0, sum = 0;
        for (var band = 1; band < Bands; band++)
        {
            var (r, d) = (Loudness(reference[band], band), Loudness(degraded[band], band));
            var mask = DeadZone * Math.Min(r, d);
            var weighted = Math.Max(0, Math.Abs(d - r) - mask) * _settings.WidthBark[band];
            squares += weighted * weighted;
            sum += weighted * Asymmetry(reference[band], degraded[band]);
        }
        return (Math.Sqrt(squares / _totalWidth) * _totalWidth, sum);
    }

    /// <summary>What was added disturbs more than what was left out.</summary>
    private static double Asymmetry(double reference, double degraded)
    {
        var ratio = Math.Pow((degraded + AsymmetryOffset) / (reference + AsymmetryOffset), AsymmetryPower);
        return ratio < AsymmetryLow ? 0 : Math.Min(ratio, AsymmetryHigh);
    }

    /// <summary>Zwicker's loudness of a band power.</summary>
    private double Loudness(double power, int band)
    {
        var threshold = _settings.HearingThreshold[band];
        return power > threshold
            ? LoudnessScale * Math.Pow(threshold / 0.5, _exponent[band]) * (Math.Pow(0.5 + 0.5 * power / threshold, _exponent[band]) - 1)
            : 0;
    }
}
