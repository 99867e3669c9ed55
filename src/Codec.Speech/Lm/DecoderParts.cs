using System.Runtime.Intrinsics;
using Codec.Core.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Speech.Lm;

/// <summary>Finds the weights of a <see cref="LmDecoder"/> in a model by their keys.</summary>
internal sealed class DecoderParts(SpeechLm model)
{
    private readonly Dictionary<string, Projection> _layers = model.named_modules().Where(m => m.module is Projection).ToDictionary(m => m.name, m => (Projection)m.module);
    private readonly Dictionary<string, Tensor> _weights = model.named_parameters().ToDictionary(p => p.name, p => (Tensor)p.parameter);

    public DecoderMatrix Matrix(string name) => new(_layers[name]);

    public DecoderNorm? Norm(string name, TransformerConfig config)
        => _weights.TryGetValue(name + ".weight", out var weight) ? new DecoderNorm(weight, _weights.GetValueOrDefault(name + ".bias"), config) : null;
}

/// <summary>The weights of one layer.</summary>
internal sealed class DecoderLayer(DecoderParts parts, string name, TransformerConfig config)
{
    public DecoderNorm Norm1 { get; } = parts.Norm(name + ".norm1", config)!;

    public DecoderNorm Norm2 { get; } = parts.Norm(name + ".norm2", config)!;

    public DecoderMatrix In { get; } = parts.Matrix(name + ".self_attn.in_projs.0");

    public DecoderMatrix Out { get; } = parts.Matrix(name + ".self_attn.out_projs.0");

    public DecoderMatrix Up { get; } = parts.Matrix(name + ".feed_forward.0.linear_in");

    public DecoderMatrix Down { get; } = parts.Matrix(name + ".feed_forward.0.linear_out");

    public long Bytes => In.Bytes + Out.Bytes + Up.Bytes + Down.Bytes;
}

/// <summary>A linear layer by its memory.</summary>
internal sealed unsafe class DecoderMatrix
{
    private readonly Tensor _weight;
    private readonly Tensor? _bias;
    private readonly BlockMatrix? _blocks;
    private readonly nint _weights, _offsets;
    private readonly long _inputs, _outputs;

    public DecoderMatrix(Projection layer)
    {
        (_weight, _bias, _blocks) = (layer.Weight, layer.Bias, layer.Blocks);
        (_outputs, _inputs) = (_weight.shape[0], _weight.shape[1]);
        _weights = (nint)ChannelPattern.Pointer(_weight);
        _offsets = _bias is null ? 0 : (nint)ChannelPattern.Pointer(_bias);
    }

    /// <summary>Bytes that a product reads: in memory the scales have 32 bits.</summary>
    public long Bytes => _blocks is null ? 4 * _inputs * _outputs : _blocks.Data.Length + 4L * _blocks.Scales.Length;

    /// <param name="x">[vectors, inputs].</param>
    /// <param name="y">[vectors, outputs].</param>
    /// <param name="stride">Floats from a vector's result to the next; 0 = outputs.</param>
    public void Multiply(float* x, float* y, int vectors, long stride = 0)
    {
        stride = stride == 0 ? _outputs : stride;
        if (_inputs * _outputs * vectors < 1 << 19 || get_num_threads() == 1)
            Run(x, y, 0, _outputs, vectors, stride);
        else
            Split((nint)x, (nint)y, vectors, stride);
    }

    // Apart from the above, whose single-threaded way must not allocate.
    private void Split(nint x, nint y, int vectors, long stride)
        => RowBlocks.Run(_outputs, _inputs * vectors, (first, last) => Run((float*)x, (float*)y, first, last, vectors, stride));

    private void Run(float* x, float* y, long first, long last, int vectors, long stride)
    {
        var bias = (float*)_offsets;
        if (_blocks is null)
        {
            MatVec.Multiply((float*)_weights, x, y, bias, first, last, _inputs, stride, vectors);
            return;
        }
        _blocks.Multiply(x, y, first, last, vectors, stride);
        if (bias != null)
            for (var v = 0; v < vectors; v++)
                for (var row = first; row < last; row++)
                    y[v * stride + row] += bias[row];
    }
}

/// <summary>RMS or layer norm of rows.</summary>
internal sealed unsafe class DecoderNorm
{
    private readonly float[] _weight;
    private readonly float[]? _bias;
    private readonly float _eps;
    private readonly bool _centred;

    public DecoderNorm(Tensor weight, Tensor? bias, TransformerConfig config)
    {
        (_weight, _bias) = (ChannelPattern.Values(weight), bias is null ? null : ChannelPattern.Values(bias));
        (_eps, _centred) = ((float)config.NormEps, config.Norm == Norm.Layer);
    }

    public void Apply(float* x, float* y, int rows, int dim)
    {
        for (var row = 0; row < rows; row++, x += dim, y += dim)
        {
            double mean = 0, square = 0;
            for (var i = 0; i < dim && _centred; i++)
                mean += x[i];
            mean /= dim;
            for (var i = 0; i < dim; i++)
                square += (x[i] - mean) * (x[i] - mean);
            var (shift, scale) = ((float)mean, (float)(1 / Math.Sqrt(square / dim + _eps)));
            for (var i = 0; i < dim; i++)
                y[i] = (x[i] - shift) * scale * _weight[i] + (_bias is null ? 0 : _bias[i]);
        }
    }
}

/// <summary>What a step needs between its products.</summary>
internal static unsafe class DecoderMath
{
    private const int Lanes = 16;

    public static void Add(float* x, float* y, int count)
    {
        var i = 0;
        for (; i + Lanes <= count; i += Lanes)
            Vector512.Store(Vector512.Load(x + i) + Vector512.Load(y + i), x + i);
        for (; i < count; i++)
            x[i] += y[i];
    }

    public static void Scale(float* x, int count, float factor)
    {
        for (var i = 0; i < count; i++)
            x[i] *= factor;
    }

    /// <summary>Turns the pairs (2i, 2i + 1) of each head by position * rates[i].</summary>
    public static void Rotate(float* x, int heads, int dimension, long position, float[] rates)
    {
        for (var i = 0; i < rates.Length; i++)
        {
            var (sine, cosine) = MathF.SinCos(position * rates[i]);
            for (var h = 0; h < heads; h++)
            {
                float* pair = x + h * dimension + 2 * i;
                (pair[0], pair[1]) = (pair[0] * cosine - pair[1] * sine, pair[0] * sine + pair[1] * cosine);
            }
        }
    }

    /// <summary>y = activation(x), count values; gated: silu(x[i]) * x[count + i]. In place where y is x.</summary>
    public static void Activate(Activation kind, float* x, float* y, int count)
    {
        switch (kind)
        {
            case Activation.GatedSilu:
                GatedSilu(x, y, count);
                break;
            case Activation.Relu:
                for (var i = 0; i < count; i++)
                    y[i] = Math.Max(0, x[i]);
                break;
            default:
                for (var i = 0; i < count; i++)
                    y[i] = 0.5f * x[i] * (1 + Erf(x[i] * 0.70710678f));
                break;
        }
    }

    private static void GatedSilu(float* x, float* y, int count)
    {
        var i = 0;
        for (; i + Lanes <= count; i += Lanes)
        {
            var gate = Vector512.Load(x + i);
            Vector512.Store(gate * VectorMath.Sigmoid(gate) * Vector512.Load(x + count + i), y + i);
        }
        for (; i < count; i++)
            y[i] = x[i] / (1 + MathF.Exp(-x[i])) * x[count + i];
    }

    // Abramowitz and Stegun 7.1.26, absolute error below 1.5e-7.
    private static float Erf(float x)
    {
        var t = 1 / (1 + 0.3275911 * Math.Abs(x));
        var y = 1 - t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))) * Math.Exp(-(double)x * x);
        return (float)Math.CopySign(y, x);
    }
}
