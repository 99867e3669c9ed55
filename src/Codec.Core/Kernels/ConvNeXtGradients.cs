using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Codec.Core.Kernels;

/// <summary>
/// What a training step of a causal ConvNeXt block does between its matrix products, one item of the batch at a time: depthwise
/// convolution with layer normalisation, and their gradients. Widths are multiples of 16; sums over frames run in order.
/// </summary>
internal static unsafe class ConvNeXtGradients
{
    private const int Lanes = RowTile.Lanes;
    private const float Epsilon = 1e-5f; // PyTorch's default

    /// <summary>Depthwise convolution over the past, normalised.</summary>
    /// <param name="x_TC">Input.</param>
    /// <param name="frames">T.</param>
    /// <param name="width">C.</param>
    /// <param name="kernel">J.</param>
    /// <param name="taps_JC">Weights of the convolution, the oldest frame first.</param>
    /// <param name="bias_C">Its bias.</param>
    /// <param name="scale_C">Scale of the normalisation.</param>
    /// <param name="shift_C">Its shift.</param>
    /// <param name="centred_TC">Takes the normalised rows before scale and shift.</param>
    /// <param name="factor_T">Takes what they were multiplied by: the inverse standard deviation.</param>
    /// <param name="y_TC">Takes the result.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Forward(float* x_TC, int frames, int width, int kernel, float* taps_JC, float* bias_C, float* scale_C, float* shift_C,
        float* centred_TC, float* factor_T, float* y_TC)
    {
        for (var t = 0; t < frames; t++)
        {
            float* row = centred_TC + (long)t * width;
            float* y = y_TC + (long)t * width;
            var sum = Vector512<float>.Zero;
            var oldest = Math.Max(0, kernel - 1 - t);
            for (var c = 0; c < width; c += Lanes)
            {
                var value = Vector512.Load(bias_C + c);
                for (var j = oldest; j < kernel; j++)
                    value = Vector512.FusedMultiplyAdd(Vector512.Load(taps_JC + (long)j * width + c), Vector512.Load(x_TC + (long)(t - kernel + 1 + j) * width + c), value);
                Vector512.Store(value, row + c);
                sum += value;
            }
            var mean = Vector512.Create(Vector512.Sum(sum) / width);
            var squares = Vector512<float>.Zero;
            for (var c = 0; c < width; c += Lanes)
            {
                var centred = Vector512.Load(row + c) - mean;
                squares = Vector512.FusedMultiplyAdd(centred, centred, squares);
            }
            factor_T[t] = 1 / MathF.Sqrt(Vector512.Sum(squares) / width + Epsilon);
            var factor = Vector512.Create(factor_T[t]);
            for (var c = 0; c < width; c += Lanes)
            {
                var normalised = (Vector512.Load(row + c) - mean) * factor;
                Vector512.Store(normalised, row + c);
                Vector512.Store(Vector512.FusedMultiplyAdd(normalised, Vector512.Load(scale_C + c), Vector512.Load(shift_C + c)), y + c);
            }
        }
    }

    /// <summary>Gradient of scale and shift (added), and from that of the result that of the convolution's result, in place.</summary>
    /// <param name="gradient_TC">Gradient of the result; becomes that of the convolution's result.</param>
    /// <param name="frames">T.</param>
    /// <param name="width">C.</param>
    /// <param name="centred_TC">Of <see cref="Forward"/>.</param>
    /// <param name="factor_T">Of <see cref="Forward"/>.</param>
    /// <param name="scale_C">Scale of the normalisation.</param>
    /// <param name="scaleGradient_C">Takes the gradient of the scale.</param>
    /// <param name="shiftGradient_C">Takes that of the shift.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Norm(float* gradient_TC, int frames, int width, float* centred_TC, float* factor_T, float* scale_C, float* scaleGradient_C, float* shiftGradient_C)
    {
        for (var t = 0; t < frames; t++, gradient_TC += width, centred_TC += width)
        {
            Vector512<float> sum = default, along = default;
            for (var c = 0; c < width; c += Lanes)
            {
                var (gradient, centred) = (Vector512.Load(gradient_TC + c), Vector512.Load(centred_TC + c));
                Add(shiftGradient_C + c, gradient);
                Add(scaleGradient_C + c, gradient * centred);
                gradient *= Vector512.Load(scale_C + c);
                sum += gradient;
                along = Vector512.FusedMultiplyAdd(gradient, centred, along);
            }
            var (mean, slope) = (Vector512.Create(Vector512.Sum(sum) / width), Vector512.Create(Vector512.Sum(along) / width));
            var factor = Vector512.Create(factor_T[t]);
            for (var c = 0; c < width; c += Lanes)
            {
                var gradient = Vector512.Load(gradient_TC + c) * Vector512.Load(scale_C + c) - mean;
                Vector512.Store((gradient - Vector512.Load(centred_TC + c) * slope) * factor, gradient_TC + c);
            }
        }
    }

    /// <summary>Gradients of the convolution: of its weights and bias (added), and of its input (added to what flows around the block).</summary>
    /// <param name="gradient_TC">Gradient of the convolution's result.</param>
    /// <param name="x_TC">Its input.</param>
    /// <param name="frames">T.</param>
    /// <param name="width">C.</param>
    /// <param name="kernel">J.</param>
    /// <param name="taps_JC">Weights, the oldest frame first.</param>
    /// <param name="around_TC">Gradient of the block's result.</param>
    /// <param name="inputGradient_TC">Takes the gradient of the block's input.</param>
    /// <param name="tapGradient_JC">Takes that of the weights.</param>
    /// <param name="biasGradient_C">Takes that of the bias.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Convolution(float* gradient_TC, float* x_TC, int frames, int width, int kernel, float* taps_JC, float* around_TC,
        float* inputGradient_TC, float* tapGradient_JC, float* biasGradient_C)
    {
        for (var t = 0; t < frames; t++)
        {
            var newest = Math.Min(kernel, frames - t); // frames t .. t + newest - 1 have seen frame t
            for (var c = 0; c < width; c += Lanes)
            {
                var value = Vector512.Load(around_TC + (long)t * width + c);
                var x = Vector512.Load(x_TC + (long)t * width + c);
                for (var later = 0; later < newest; later++)
                {
                    var gradient = Vector512.Load(gradient_TC + (long)(t + later) * width + c);
                    float* tap = taps_JC + (long)(kernel - 1 - later) * width + c;
                    value = Vector512.FusedMultiplyAdd(Vector512.Load(tap), gradient, value);
                    Add(tapGradient_JC + (long)(kernel - 1 - later) * width + c, gradient * x);
                }
                Vector512.Store(value, inputGradient_TC + (long)t * width + c);
                Add(biasGradient_C + c, Vector512.Load(gradient_TC + (long)t * width + c));
            }
        }
    }

    /// <summary>Adds every row into one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void SumRows(float* rows_TC, int frames, int width, float* sum_C)
    {
        for (var t = 0; t < frames; t++, rows_TC += width)
            for (var c = 0; c < width; c += Lanes)
                Add(sum_C + c, Vector512.Load(rows_TC + c));
    }

    /// <summary>From the gradient of x + gamma z: that of z, and (added) those of gamma and of a bias inside z.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Scale(float* gradient_TC, float* z_TC, int frames, int width, float* gamma_C, float* zGradient_TC, float* gammaGradient_C, float* biasGradient_C)
    {
        for (var t = 0; t < frames; t++, gradient_TC += width, z_TC += width, zGradient_TC += width)
            for (var c = 0; c < width; c += Lanes)
            {
                var gradient = Vector512.Load(gradient_TC + c);
                Add(gammaGradient_C + c, gradient * Vector512.Load(z_TC + c));
                gradient *= Vector512.Load(gamma_C + c);
                Add(biasGradient_C + c, gradient);
                Vector512.Store(gradient, zGradient_TC + c);
            }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add(float* to, Vector512<float> value) => Vector512.Store(Vector512.Load(to) + value, to);
}

/// <summary>Activation and its slope, y = GELU(result) and dy/dresult.</summary>
internal readonly unsafe struct GeluSlopeSink(float* y, float* slope, nint step) : IRowSink
{
    private readonly float* _y = y, _slope = slope;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Take(float* sums, int row, int rows, int column, int width)
    {
        for (var r = 0; r < rows; r++)
        {
            var at = (row + r) * step + column;
            for (var i = 0; i < width; i += RowTile.Lanes)
            {
                var x = Vector512.Load(sums + r * width + i);
                var y = VectorMath.Gelu(x);
                // Phi(x) + x phi(x); the quotient is Phi wherever x is not so small that Phi is a half.
                var near = Vector512.LessThan(Vector512.Abs(x), Vector512.Create(1e-6f));
                var distribution = Vector512.ConditionalSelect(near, Vector512.Create(0.5f), y / x);
                var density = Vector512.Create(0.39894228f) * VectorMath.Exp(Vector512.Max(x * x * Vector512.Create(-0.5f), Vector512.Create(-80f)));
                Vector512.Store(y, _y + at + i);
                Vector512.Store(Vector512.FusedMultiplyAdd(x, density, distribution), _slope + at + i);
            }
        }
    }
}

/// <summary>y = slope times result.</summary>
internal readonly unsafe struct TimesSink(float* slope, float* y, nint step) : IRowSink
{
    private readonly float* _slope = slope, _y = y;

    public void Take(float* sums, int row, int rows, int column, int width)
    {
        for (var r = 0; r < rows; r++)
        {
            var at = (row + r) * step + column;
            for (var i = 0; i < width; i += RowTile.Lanes)
                Vector512.Store(Vector512.Load(sums + r * width + i) * Vector512.Load(_slope + at + i), _y + at + i);
        }
    }
}

/// <summary>z = result, y = x + gamma z.</summary>
internal readonly unsafe struct AroundSink(float* x, float* z, float* y, float* gamma, nint step) : IRowSink
{
    private readonly float* _x = x, _z = z, _y = y, _gamma = gamma;

    public void Take(float* sums, int row, int rows, int column, int width)
    {
        for (var r = 0; r < rows; r++)
        {
            var at = (row + r) * step + column;
            for (var i = 0; i < width; i += RowTile.Lanes)
            {
                var result = Vector512.Load(sums + r * width + i);
                Vector512.Store(result, _z + at + i);
                Vector512.Store(Vector512.FusedMultiplyAdd(Vector512.Load(_gamma + column + i), result, Vector512.Load(_x + at + i)), _y + at + i);
            }
        }
    }
}
