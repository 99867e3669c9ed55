using System.Numerics;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Codec.Training.Optimization;

/// <summary>Factors of one update, the same for all weights.</summary>
internal readonly record struct AdamWStep(float Clip, float Beta1, float Beta2, float Shrink, float Rate, float RootCorrection, float AverageShare);

/// <summary>
/// One update in one pass over memory. Operator by operator libtorch reads and writes every array several times: three times as slow.
/// </summary>
internal static class AdamWKernel
{
    private const float Epsilon = 1e-8f;

    /// <summary>Whether all five can be updated in place here.</summary>
    public static bool Fits(Tensor weight, Tensor gradient)
        => weight.device_type == TorchSharp.DeviceType.CPU && weight.dtype == ScalarType.Float32 && weight.is_contiguous() && gradient.is_contiguous();

    public static void Apply(AdamWStep step, Tensor weight, Tensor gradient, Tensor mean, Tensor square, Tensor average)
    {
        Span<float> w = Floats(weight), g = Floats(gradient), m = Floats(mean), v = Floats(square), a = Floats(average);
        var width = Vector<float>.Count;
        var end = w.Length - w.Length % width;
        for (var i = 0; i < end; i += width)
        {
            var gradientV = new Vector<float>(g[i..]) * step.Clip;
            var meanV = new Vector<float>(m[i..]) * step.Beta1 + gradientV * (1 - step.Beta1);
            var squareV = new Vector<float>(v[i..]) * step.Beta2 + gradientV * gradientV * (1 - step.Beta2);
            var divisor = Vector.SquareRoot(squareV) * step.RootCorrection + new Vector<float>(Epsilon);
            var weightV = new Vector<float>(w[i..]) * step.Shrink - meanV / divisor * step.Rate;
            var averageV = new Vector<float>(a[i..]);
            meanV.CopyTo(m[i..]);
            squareV.CopyTo(v[i..]);
            weightV.CopyTo(w[i..]);
            (averageV + (weightV - averageV) * step.AverageShare).CopyTo(a[i..]);
        }
        for (var i = end; i < w.Length; i++)
        {
            var gradientS = g[i] * step.Clip;
            m[i] = m[i] * step.Beta1 + gradientS * (1 - step.Beta1);
            v[i] = v[i] * step.Beta2 + gradientS * gradientS * (1 - step.Beta2);
            w[i] = w[i] * step.Shrink - m[i] / (MathF.Sqrt(v[i]) * step.RootCorrection + Epsilon) * step.Rate;
            a[i] += (w[i] - a[i]) * step.AverageShare;
        }
    }

    private static Span<float> Floats(Tensor tensor) => MemoryMarshal.Cast<byte, float>(tensor.bytes);
}
