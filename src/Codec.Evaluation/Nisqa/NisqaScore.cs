using Codec.Core.Checkpoints;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Codec.Evaluation.Nisqa;

/// <summary>
/// NISQA v2 (Mittag et al. 2021) with weights that the user gives (their licence, CC BY-NC-SA 4.0, forbids commercial use): quality without
/// a reference. A convolutional net looks at 150 ms of the mel spectrogram at a time, self-attention joins the segments, attention pooling
/// gives each score. The result depends on the sample rate: state it. Thread-safe.
/// </summary>
public sealed class NisqaScore : IDisposable
{
    private const int SegmentFrames = 15, Width = 64, Layers = 2, FftLength = 4096, Bands = 48, LargestModel = 1 << 24;
    private const string Cnn = "cnn.model.", Attention = "time_dependency.model.";
    private readonly Dictionary<string, Tensor> _weights = [];
    private readonly string[] _heads;
    private readonly double _highest;
    private readonly int _segmentHop, _mostSegments;

    /// <param name="path">nisqa.tar or nisqa_mos_only.tar. (nisqa_tts.tar is another network and is refused.)</param>
    /// <exception cref="CheckpointException">Unreadable, or another model.</exception>
    public NisqaScore(string path)
    {
        var checkpoint = Checkpoint.Open(path);
        if (checkpoint.Elements > LargestModel)
            throw new CheckpointException(path, $"expected NISQA weights, found {checkpoint.Elements} numbers");
        foreach (var (name, tensor) in checkpoint.Tensors)
        {
            using var loaded = tensor.Load();
            _weights[name.StartsWith("model_state_dict.", StringComparison.Ordinal) ? name["model_state_dict.".Length..] : name] = loaded.to(float32, copy: true).DetachFromDisposeScope();
        }
        _heads = [.. Enumerable.Range(0, 5).Select(i => $"pool_layers.{i}.model.").Prepend("pool.model.").Where(h => _weights.ContainsKey(h + "linear1.weight"))];
        if (_heads.Length == 0 || !_weights.ContainsKey(Cnn + "conv6.weight") || !_weights.ContainsKey(Attention + "layers.1.norm2.bias"))
        {
            Dispose();
            throw new CheckpointException(path, "expected NISQA v2 weights as in nisqa.tar or nisqa_mos_only.tar, found another model");
        }
        var arguments = checkpoint.Metadata.GetValueOrDefault("args") as IReadOnlyDictionary<string, object?>;
        double Argument(string name, double otherwise) => arguments?.GetValueOrDefault(name) is IConvertible value ? Convert.ToDouble(value, System.Globalization.CultureInfo.InvariantCulture) : otherwise;
        _highest = Argument("ms_fmax", 20000);
        _segmentHop = (int)Argument("ms_seg_hop_length", 4);
        _mostSegments = (int)Argument("ms_max_segments", 1300);
    }

    /// <summary>Scores in the model's order: MOS, noisiness, discontinuity, coloration, loudness; or MOS alone.</summary>
    /// <param name="signal">At its own rate.</param>
    /// <param name="sampleRate">Hz.</param>
    /// <exception cref="MetricException">Too short or too long for the model.</exception>
    public double[] Score(ReadOnlySpan<float> signal, int sampleRate)
    {
        MetricException.RequireLength(signal.Length, Math.Max(FftLength / 2 + 1, SegmentFrames * sampleRate / 100));
        var mel = LogMel(signal, sampleRate);
        var segments = (mel.Frames - SegmentFrames + _segmentHop) / _segmentHop;
        if (segments > _mostSegments)
            throw new MetricException($"longer than the model's {_mostSegments} segments ({segments})");
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var features_SD = Embed(Cut(mel, segments));
        return [.. _heads.Select(head => (double)Pool(features_SD, head).item<float>())];
    }

    public void Dispose()
    {
        foreach (var tensor in _weights.Values)
            tensor.Dispose();
    }

    /// <summary>dB of the mel magnitudes, at most 80 below the loudest.</summary>
    private Spectrogram LogMel(ReadOnlySpan<float> signal, int sampleRate)
    {
        var (hop, window) = ((int)(0.01 * sampleRate), Windows.Hann((int)(0.02 * sampleRate)));
        var fft = new RealFft(FftLength);
        var magnitudes = new Spectrogram(new double[(1 + signal.Length / hop) * fft.Bins], 1 + signal.Length / hop, fft.Bins);
        double[] block = new double[FftLength], re = new double[fft.Bins], im = new double[fft.Bins];
        var offset = (FftLength - window.Length) / 2;
        for (var t = 0; t < magnitudes.Frames; t++)
        {
            for (var i = 0; i < window.Length; i++)
                block[offset + i] = window[i] * signal[Mirror(t * hop - FftLength / 2 + offset + i, signal.Length)];
            fft.Forward(block, re, im);
            for (var k = 0; k < re.Length; k++)
                magnitudes.Frame(t)[k] = Math.Sqrt(re[k] * re[k] + im[k] * im[k]);
        }
        var mel = new MelFilterBank(Bands, FftLength, sampleRate, _highest).Apply(magnitudes);
        var decibels = Array.ConvertAll(mel.Values, x => 20 * Math.Log10(Math.Max(x, 1e-4)));
        var floor = decibels.Max() - 80;
        return mel with { Values = Array.ConvertAll(decibels, x => Math.Max(x, floor)) };
    }

    private static int Mirror(int index, int length)
    {
        index = Math.Abs(index);
        return index < length ? index : 2 * (length - 1) - index;
    }

    /// <returns>[S, 1, Bands, SegmentFrames].</returns>
    private Tensor Cut(Spectrogram mel, int segments)
    {
        var values = new float[segments * Bands * SegmentFrames];
        for (var s = 0; s < segments; s++)
            for (var band = 0; band < Bands; band++)
                for (var t = 0; t < SegmentFrames; t++)
                    values[(s * Bands + band) * SegmentFrames + t] = (float)mel.Frame(s * _segmentHop + t)[band];
        return tensor(values, [segments, 1, Bands, SegmentFrames]);
    }

    /// <returns>[S, Width].</returns>
    private Tensor Embed(Tensor x_SCBT)
    {
        var x = F.adaptive_max_pool2d(Convolve(x_SCBT, 1, 1), [24, 7]);
        x = F.adaptive_max_pool2d(Convolve(x, 2, 1), [12, 5]);
        x = F.adaptive_max_pool2d(Convolve(Convolve(x, 3, 1), 4, 1), [6, 3]);
        x = Convolve(Convolve(x, 5, 1), 6, 0).flatten(1);
        x = Norm(Linear(x, Attention + "linear"), Attention + "norm1");
        for (var layer = 0; layer < Layers; layer++)
            x = AttentionLayer(x, $"{Attention}layers.{layer}.");
        return x;
    }

    private Tensor Convolve(Tensor x, int index, long paddingTime)
    {
        var y = F.conv2d(x, _weights[$"{Cnn}conv{index}.weight"], _weights[$"{Cnn}conv{index}.bias"], padding: [1, paddingTime]);
        return F.relu(F.batch_norm(y, _weights[$"{Cnn}bn{index}.running_mean"], _weights[$"{Cnn}bn{index}.running_var"],
            _weights[$"{Cnn}bn{index}.weight"], _weights[$"{Cnn}bn{index}.bias"]));
    }

    /// <summary>One head of self-attention and a feed-forward layer, normalised after each sum.</summary>
    private Tensor AttentionLayer(Tensor x_SD, string name)
    {
        var parts = F.linear(x_SD, _weights[name + "self_attn.in_proj_weight"], _weights[name + "self_attn.in_proj_bias"]).chunk(3, -1);
        var weights_SS = F.softmax(parts[0].matmul(parts[1].transpose(0, 1)) / Math.Sqrt(Width), -1);
        var x = Norm(x_SD + Linear(weights_SS.matmul(parts[2]), name + "self_attn.out_proj"), name + "norm1");
        return Norm(x + Linear(F.relu(Linear(x, name + "linear1")), name + "linear2"), name + "norm2");
    }

    private Tensor Pool(Tensor x_SD, string head)
    {
        var weights_1S = F.softmax(Linear(F.relu(Linear(x_SD, head + "linear1")), head + "linear2").transpose(0, 1), -1);
        return Linear(weights_1S.matmul(x_SD), head + "linear3");
    }

    private Tensor Linear(Tensor x, string name) => F.linear(x, _weights[name + ".weight"], _weights[name + ".bias"]);

    private Tensor Norm(Tensor x, string name) => F.layer_norm(x, [Width], _weights[name + ".weight"], _weights[name + ".bias"]);
}
