using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Codec.Evaluation.Dnsmos;

/// <summary>
/// DNSMOS P.835 and P.808 (Reddy et al. 2021, 2022) with the published networks of microsoft/DNS-Challenge, which the user gives.
/// No reference is needed. P.808 follows the newer mel front end (zero padding, bins at k * 16000 / 321 Hz): the older one differs by up to 0.16.
/// Thread-safe.
/// </summary>
public sealed class DnsmosScore : IDisposable
{
    /// <summary>File names in the folder.</summary>
    public const string P835File = "sig_bak_ovr.onnx", P808File = "model_v8.onnx";

    private const int SampleRate = 16000, SegmentSamples = 144160, MelBands = 120, MelFft = 321, MelHop = 160, MelFrames = 900;
    private const double SegmentSeconds = 9.01, RangeDecibels = 80;
    private readonly InferenceSession? _p835, _p808;

    /// <param name="folder">Holds <see cref="P835File"/> or <see cref="P808File"/> or both.</param>
    /// <exception cref="MetricException">Neither is there, or one does not load.</exception>
    public DnsmosScore(string folder)
    {
        (_p835, _p808) = (Open(Path.Combine(folder, P835File)), Open(Path.Combine(folder, P808File)));
        if (_p835 is null && _p808 is null)
            throw new MetricException($"{folder}: expected {P835File} or {P808File} of microsoft/DNS-Challenge, found neither");
    }

    private static InferenceSession? Open(string path)
    {
        if (!File.Exists(path))
            return null;
        try
        {
            using var options = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1 };
            return new InferenceSession(path, options);
        }
        catch (OnnxRuntimeException e)
        {
            throw new MetricException($"{path}: {e.Message}", e);
        }
    }

    /// <summary>P.835: signal, background and overall quality, 1 to 5, mean over segments of 9.01 s.</summary>
    /// <param name="signal">16 kHz in [-1, 1].</param>
    /// <exception cref="MetricException">No samples, or the model was not given.</exception>
    public double[] P835(ReadOnlySpan<float> signal)
    {
        var session = _p835 ?? throw new MetricException($"{P835File} was not given");
        double s = 0, b = 0, o = 0;
        var segments = Segments(signal);
        foreach (var segment in segments)
        {
            var raw = Run(session, segment, [1, SegmentSamples]);
            s += Polynomial(raw[0], -0.08397278, 1.22083953, 0.0052439);
            b += Polynomial(raw[1], -0.13166888, 1.60915514, -0.39604546);
            o += Polynomial(raw[2], -0.06766283, 1.11546468, 0.04602535);
        }
        return [s / segments.Count, b / segments.Count, o / segments.Count];
    }

    /// <summary>P.808: overall quality, 1 to 5, mean over segments of 9.01 s.</summary>
    /// <param name="signal">16 kHz in [-1, 1].</param>
    /// <exception cref="MetricException">No samples, or the model was not given.</exception>
    public double P808(ReadOnlySpan<float> signal)
    {
        var session = _p808 ?? throw new MetricException($"{P808File} was not given");
        return Segments(signal).Average(segment => (double)Run(session, LogMel(segment), [1, MelFrames, MelBands])[0]);
    }

    public void Dispose()
    {
        _p835?.Dispose();
        _p808?.Dispose();
    }

    /// <summary>Short signals are doubled until they fill a segment; segments start every second.</summary>
    private static List<float[]> Segments(ReadOnlySpan<float> signal)
    {
        MetricException.RequireLength(signal.Length, 1);
        var samples = signal.ToArray();
        while (samples.Length < SegmentSamples)
            samples = [.. samples, .. samples];
        var count = (int)(samples.Length / SampleRate - SegmentSeconds) + 1;
        return [.. Enumerable.Range(0, count)
            .Where(i => i * SampleRate + SegmentSamples <= samples.Length)
            .Select(i => samples.AsSpan(i * SampleRate, SegmentSamples).ToArray())];
    }

    private static float[] Run(InferenceSession session, float[] values, int[] shape)
    {
        try
        {
            using var results = session.Run([NamedOnnxValue.CreateFromTensor(session.InputMetadata.Keys.First(), new DenseTensor<float>(values, shape))]);
            return [.. results[0].AsEnumerable<float>()];
        }
        catch (OnnxRuntimeException e)
        {
            throw new MetricException($"DNSMOS: {e.Message}", e);
        }
    }

    private static double Polynomial(double x, double a, double b, double c) => (a * x + b) * x + c;

    /// <summary>[900 x 120]: dB below the segment's maximum, -80 to 0, moved to -1 to 1.</summary>
    private static float[] LogMel(float[] segment)
    {
        const int pad = MelFft / 2;
        var samples = segment.Length - MelHop;
        var fft = new RealFft(MelFft);
        var window = Windows.Hann(MelFft);
        var power = new Spectrogram(new double[MelFrames * fft.Bins], MelFrames, fft.Bins);
        double[] block = new double[MelFft], re = new double[fft.Bins], im = new double[fft.Bins];
        for (var t = 0; t < MelFrames; t++)
        {
            for (var i = 0; i < MelFft; i++)
                block[i] = t * MelHop + i - pad is >= 0 and var n && n < samples ? segment[n] * window[i] : 0;
            fft.Forward(block, re, im);
            for (var k = 0; k < re.Length; k++)
                power.Frame(t)[k] = re[k] * re[k] + im[k] * im[k];
        }
        var mel = new MelFilterBank(MelBands, MelFft, SampleRate).Apply(power).Values;
        var loudest = 10 * Math.Log10(Math.Max(1e-10, mel.Max()));
        return Array.ConvertAll(mel, x => (float)((Math.Max(10 * Math.Log10(Math.Max(1e-10, x)) - loudest, -RangeDecibels) + RangeDecibels / 2) / (RangeDecibels / 2)));
    }
}
