using System.Numerics;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Codec.Training.Entropy;

/// <summary>Short rows of numbers, where an operator call would cost more than the arithmetic.</summary>
internal static class FloatRows
{
    /// <summary>The numbers of a contiguous CPU tensor, in place.</summary>
    public static Span<float> Floats(this Tensor tensor) => MemoryMarshal.Cast<byte, float>(tensor.bytes);

    public static float Dot(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var left = MemoryMarshal.Cast<float, Vector<float>>(a);
        var right = MemoryMarshal.Cast<float, Vector<float>>(b);
        var sum = Vector<float>.Zero;
        for (var i = 0; i < left.Length; i++)
            sum += left[i] * right[i];
        var end = left.Length * Vector<float>.Count;
        var total = Vector.Sum(sum);
        for (var i = end; i < a.Length; i++)
            total += a[i] * b[i];
        return total;
    }

    /// <summary>target += factor * source.</summary>
    public static void AddScaled(Span<float> target, ReadOnlySpan<float> source, float factor)
    {
        var left = MemoryMarshal.Cast<float, Vector<float>>(target);
        var right = MemoryMarshal.Cast<float, Vector<float>>(source);
        for (var i = 0; i < left.Length; i++)
            left[i] += right[i] * factor;
        var end = left.Length * Vector<float>.Count;
        for (var i = end; i < target.Length; i++)
            target[i] += factor * source[i];
    }

    /// <summary>Clears the gradient of what a rectifier has cut off.</summary>
    public static void Mask(Span<float> gradient, ReadOnlySpan<float> rectified)
    {
        var end = gradient.Length - gradient.Length % Vector<float>.Count;
        for (var i = 0; i < end; i += Vector<float>.Count)
            Vector.ConditionalSelect(Vector.GreaterThan(new Vector<float>(rectified[i..]), Vector<float>.Zero), new Vector<float>(gradient[i..]), Vector<float>.Zero)
                .CopyTo(gradient[i..]);
        for (var i = end; i < gradient.Length; i++)
            if (rectified[i] <= 0)
                gradient[i] = 0;
    }

    /// <summary>Turns logits into the gradient of the negative log likelihood of one of them.</summary>
    /// <param name="logits">Overwritten.</param>
    /// <param name="target">The one that came.</param>
    /// <param name="share">Weight of this choice in the loss.</param>
    /// <returns>Its loss in nats, not weighted.</returns>
    public static double SoftmaxGradient(Span<float> logits, int target, float share)
    {
        var most = float.NegativeInfinity;
        foreach (var logit in logits)
            most = Math.Max(most, logit);
        var came = logits[target] - most;
        var sum = 0f;
        foreach (ref var logit in logits)
            sum += logit = MathF.Exp(logit - most);
        foreach (ref var logit in logits)
            logit *= share / sum;
        logits[target] -= share;
        return Math.Log(sum) - came;
    }
}
