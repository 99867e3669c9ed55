using Codec.Evaluation.Dsp;

namespace Codec.Evaluation.Pesq;

/// <summary>
/// Audible difference of two aligned signals (P.862 section 10.2): power in Bark bands, partial compensation of filter and gain,
/// loudness, disturbances of each frame, realignment of bad intervals, aggregation over time.
/// </summary>
internal sealed class PerceptualModel
{
    private const double BadFrame = 30, LargestDisturbance = 45;
    private const int BadSmear = 2, ShortestBadInterval = 5, BadSearchFrames = 4;

    private readonly PesqSettings _settings;
    private readonly BarkSpectrum _bark;
    private readonly List<Utterance> _utterances;
    private readonly double[] _reference, _degraded; // margin, samples, margin, padding: as long as the longer signal
    private readonly int _length;                    // with both margins, without the padding
    private readonly int _frames;
    private readonly double[][] _referencePower;
    private readonly double[] _symmetric, _asymmetric;

    private PerceptualModel(PesqReference reference, PesqSignal degraded, List<Utterance> utterances, PesqSettings settings)
    {
        _settings = settings;
        _utterances = utterances;
        _bark = new BarkSpectrum(settings);
        _reference = reference.Model;
        _length = _reference.Length - settings.Padding;
        _degraded = new double[_reference.Length];
        degraded.Model.CopyTo(_degraded, 0);
        _frames = reference.Power.Length;
        _referencePower = Array.ConvertAll(reference.Power, power => (double[])power.Clone());
        _symmetric = new double[_frames];
        _asymmetric = new double[_frames];
        FirstFrame = reference.FirstFrame;
    }

    private int FirstFrame { get; }

    /// <summary>The raw score: 4.5 for identical signals, less with every disturbance.</summary>
    public static double RawScore(PesqReference reference, PesqSignal degraded, List<Utterance> utterances, PesqSettings settings)
    {
        var model = new PerceptualModel(reference, degraded, utterances, settings);
        model.Compare();
        return 4.5 - 0.1 * model.Aggregate(model._symmetric) - 0.0309 * model.Aggregate(model._asymmetric);
    }

    private int SampleOf(int frame) => _settings.Margin + frame * _settings.Hop;

    /// <summary>The utterance that contains a sample: the last that starts no later.</summary>
    private Utterance UtteranceAt(int sample)
    {
        var i = _utterances.Count - 1;
        while (i > 0 && _utterances[i].Start * _settings.ActivityWindow > sample)
            i--;
        return _utterances[i];
    }

    private void Compare()
    {
        var degradedPower = new double[_frames][];
        for (var f = 0; f < _frames; f++)
        {
            var sample = SampleOf(f);
            degradedPower[f] = _bark.Power(_degraded, sample + UtteranceAt(sample).Delay);
        }
        CompensateFilter(degradedPower);
        var audible = Array.ConvertAll(_referencePower, p => _bark.Audible(p, 1));
        var gain = new GainFollower();
        for (var f = 0; f < _frames; f++)
        {
            gain.Apply(degradedPower[f], audible[f], _bark.Audible(degradedPower[f], 1), smooth: f > 0);
            (_symmetric[f], _asymmetric[f]) = _bark.Disturbance(_referencePower[f], degradedPower[f]);
        }
        ClearLostFrames();
        RepairBadIntervals(audible);
        for (var f = 0; f < _frames; f++)
        {
            var weight = Math.Pow((audible[f] + 1e5) / 1e7, 0.04);
            _symmetric[f] = Math.Min(LargestDisturbance, _symmetric[f] / weight);
            _asymmetric[f] = Math.Min(LargestDisturbance, _asymmetric[f] / weight);
        }
    }

    /// <summary>Scales the reference's bands by the bounded ratio of mean band powers: linear filtering is forgiven in part.</summary>
    private void CompensateFilter(double[][] degradedPower)
    {
        var sounding = Enumerable.Range(0, _frames).Where(f => _bark.Audible(_referencePower[f], 100) >= 1e7).ToArray();
        var nominal = (_length - 2 * _settings.Margin + _settings.Padding) / _settings.Hop - 1;
        for (var band = 0; band < _bark.Bands; band++)
        {
            var threshold = 100 * _settings.HearingThreshold[band];
            double r = 0, d = 0;
            foreach (var f in sounding)
            {
                r += _referencePower[f][band] > threshold ? _referencePower[f][band] : 0;
                d += degradedPower[f][band] > threshold ? degradedPower[f][band] : 0;
            }
            var ratio = Math.Clamp((d / nominal + 1000) / (r / nominal + 1000), 0.01, 100);
            foreach (var power in _referencePower)
                power[band] *= ratio;
        }
    }

    /// <summary>Frames where a shrinking delay cuts out more than half a frame do not count.</summary>
    private void ClearLostFrames()
    {
        var (window, margin, hop) = (_settings.ActivityWindow, _settings.Margin, _settings.Hop);
        for (var i = 1; i < _utterances.Count; i++)
        {
            var (before, after) = (_utterances[i - 1], _utterances[i]);
            var jump = after.Delay - before.Delay;
            if (jump >= -hop)
                continue;
            var first = (int)Math.Floor((double)(after.Start * window - margin + after.Delay) / hop);
            first = Math.Max(0, Math.Min(first, (int)Math.Floor((double)(before.End * window - margin + before.Delay) / hop)));
            var last = (after.Start * window - margin - jump) / hop + 1;
            for (var f = first; f <= last && f < _frames - 1; f++)
                _symmetric[f] = _asymmetric[f] = 0;
        }
    }

    private void RepairBadIntervals(double[] audible)
    {
        var bad = Array.ConvertAll(_symmetric, d => d > BadFrame);
        if (!bad.Contains(true))
            return;
        bad[0] = false;
        var smeared = new bool[_frames];
        for (var f = BadSmear; f < _frames - 1 - BadSmear; f++)
            smeared[f] = bad.AsSpan(f - BadSmear, BadSmear + 1).Contains(true) && bad.AsSpan(f, BadSmear + 1).Contains(true);
        double[]? aligned = null;
        foreach (var (start, end) in VoiceActivity.Runs(Array.ConvertAll(smeared, s => s ? 1.0 : 0)).ToArray())
            if (end - start >= ShortestBadInterval)
                RepairInterval(start, end, aligned ??= AlignedDegraded(), audible);
    }

    /// <summary>The degraded signal with all delays taken out.</summary>
    private double[] AlignedDegraded()
    {
        var result = new double[_degraded.Length];
        var (low, high) = (_settings.Margin, _degraded.Length - _settings.Margin);
        for (var i = low; i < high; i++)
            result[i] = _degraded[Math.Clamp(i + UtteranceAt(i).Delay, low, high - 1)];
        return result;
    }

    /// <summary>Searches a better delay for frames [start, end) and keeps the smaller disturbances.</summary>
    private void RepairInterval(int start, int end, double[] aligned, double[] audible)
    {
        var range = BadSearchFrames * _settings.Frame;
        var (low, high) = (_settings.Margin, aligned.Length - _settings.Margin);
        var first = SampleOf(start);
        var count = (end - start) * _settings.Hop + _settings.Hop;
        double[] x = new double[2 * range + count], y = new double[x.Length];
        for (var i = 0; i < count; i++)
            x[range + i] = Math.Abs(_reference[first + i]);
        for (var i = 0; i < y.Length; i++)
            y[i] = Math.Abs(aligned[Math.Clamp(first - range + i, low, high - 1)]);
        var delay = BestDelay(x, y, range);
        var shifted = new double[aligned.Length];
        for (var i = first; i < Math.Min(first + count + _settings.Frame, shifted.Length); i++)
            shifted[i] = aligned[Math.Clamp(i + delay, low, high - 1)];
        var gain = new GainFollower();
        for (var f = start; f < end; f++)
        {
            var power = _bark.Power(shifted, SampleOf(f));
            gain.Apply(power, audible[f], _bark.Audible(power, 1), smooth: true);
            var (symmetric, asymmetric) = _bark.Disturbance(_referencePower[f], power);
            _symmetric[f] = Math.Min(_symmetric[f], symmetric);
            _asymmetric[f] = Math.Min(_asymmetric[f], asymmetric);
        }
    }

    /// <summary>Lag of the largest normalised correlation within the range; 0 where it stays below 0.5.</summary>
    private static int BestDelay(double[] x, double[] y, int range)
    {
        var scale = Math.Sqrt(x.Sum(v => v * v) * y.Sum(v => v * v));
        if (scale <= 0)
            return 0;
        var correlation = CrossCorrelation.Full(x, y);
        var (best, delay) = (0.0, 0);
        for (var lag = -range; lag < range; lag++)
            if (Math.Abs(correlation[lag + x.Length - 1]) / scale is var h && h > best)
                (best, delay) = (h, lag);
        return best < 0.5 ? 0 : delay;
    }

    /// <summary>L6 over windows of 20 frames with hop 10, weighted L2 over windows.</summary>
    private double Aggregate(double[] disturbance)
    {
        const int window = 20;
        double sum = 0, weights = 0;
        for (var start = FirstFrame; start < _frames; start += window / 2)
        {
            double inner = 0;
            for (var f = start; f < Math.Min(start + window, _frames); f++)
                inner += Math.Pow(disturbance[f], 6);
            var weight = TimeWeight(start - FirstFrame);
            sum += Math.Pow(weight * Math.Pow(inner / window, 1.0 / 6), 2);
            weights += weight * weight;
        }
        return weights > 0 ? Math.Sqrt(sum / weights) : 0;
    }

    /// <summary>In long files the end counts more than the beginning.</summary>
    private double TimeWeight(int frame)
    {
        if (_frames <= 1000)
            return 1;
        var nominal = (_length - 2 * _settings.Margin) / _settings.Hop - 1;
        var slope = Math.Min(0.5, (nominal - 1000) / 5500.0);
        return 1 - slope + slope * frame / nominal;
    }

    /// <summary>Follows the gain between the signals with a first-order filter and takes it out of the degraded one.</summary>
    private sealed class GainFollower
    {
        private double _last = 1;

        public void Apply(double[] power, double referenceAudible, double degradedAudible, bool smooth)
        {
            var gain = (referenceAudible + 5e3) / (degradedAudible + 5e3);
            if (smooth)
                gain = 0.2 * _last + 0.8 * gain;
            _last = gain;
            gain = Math.Clamp(gain, 3e-4, 5);
            for (var band = 0; band < power.Length; band++)
                power[band] *= gain;
        }
    }
}
