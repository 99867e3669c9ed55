using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Kernels;

/// <summary>
/// Passes over complex spectra that libtorch takes several operators for (and a slow hypotenuse): magnitudes, scaling, polar form and
/// its gradient. Tensors of other kinds than complex64 without gaps on a CPU with AVX2 or AVX-512 go through those operators.
/// </summary>
public static unsafe class SpectrumKernels
{
    private const int Lanes = RowTile.Lanes;

    // Two vectors of (re, im) pairs to one of real and one of imaginary parts, and back.
    private static readonly Vector512<int> Even = Vector512.Create(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30), Odd = Even + Vector512<int>.One,
        Low = Vector512.Create(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23), High = Low + Vector512.Create(8);

    private static bool Fits(Tensor spectrum)
        => VectorMath.HasFused && spectrum.device_type == DeviceType.CPU && spectrum.dtype == ScalarType.ComplexFloat32 && spectrum.is_contiguous();

    /// <summary>|spectrum|, without gradient.</summary>
    /// <param name="spectrum">complex64, any shape.</param>
    /// <returns>float32, the same shape.</returns>
    public static Tensor Magnitude(Tensor spectrum)
    {
        if (!Fits(spectrum))
            return spectrum.abs();
        var result = empty(spectrum.shape);
        float* y = ChannelPattern.Pointer(result);
        ForEach(ChannelPattern.Pointer(spectrum), spectrum.numel(), new MagnitudeStep(y));
        return result;
    }

    /// <summary>Multiplies a spectrum by real numbers in place, without gradient.</summary>
    /// <param name="spectrum">complex64, any shape.</param>
    /// <param name="factor">float32, the same shape.</param>
    /// <returns><paramref name="spectrum"/>.</returns>
    public static Tensor Scale(Tensor spectrum, Tensor factor)
    {
        if (!Fits(spectrum) || !factor.is_contiguous() || factor.dtype != ScalarType.Float32)
            return spectrum.mul_(factor);
        ForEach(ChannelPattern.Pointer(spectrum), spectrum.numel(), new ScaleStep(ChannelPattern.Pointer(factor)));
        return spectrum;
    }

    /// <summary>What is done to 16 complex numbers at a time.</summary>
    private interface IStep
    {
        /// <returns>Whether the numbers were changed.</returns>
        bool Run(long at, ref Vector512<float> re, ref Vector512<float> im);

        bool Run(long at, ref float re, ref float im);
    }

    private readonly struct MagnitudeStep(float* y) : IStep
    {
        private readonly float* _y = y;

        public bool Run(long at, ref Vector512<float> re, ref Vector512<float> im)
        {
            Vector512.Store(Vector512.Sqrt(Vector512.FusedMultiplyAdd(re, re, im * im)), _y + at);
            return false;
        }

        public bool Run(long at, ref float re, ref float im)
        {
            _y[at] = MathF.Sqrt(MathF.FusedMultiplyAdd(re, re, im * im));
            return false;
        }
    }

    private readonly struct ScaleStep(float* factor) : IStep
    {
        private readonly float* _factor = factor;

        public bool Run(long at, ref Vector512<float> re, ref Vector512<float> im)
        {
            var factor = Vector512.Load(_factor + at);
            (re, im) = (re * factor, im * factor);
            return true;
        }

        public bool Run(long at, ref float re, ref float im)
        {
            (re, im) = (re * _factor[at], im * _factor[at]);
            return true;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ForEach<TStep>(float* pairs, long count, TStep step) where TStep : struct, IStep
    {
        long at = 0;
        for (; at + Lanes <= count; at += Lanes)
        {
            var (re, im) = Load(pairs + 2 * at);
            if (step.Run(at, ref re, ref im))
                Store(pairs + 2 * at, re, im);
        }
        for (; at < count; at++)
            step.Run(at, ref pairs[2 * at], ref pairs[2 * at + 1]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static (Vector512<float> Re, Vector512<float> Im) Load(float* pairs)
    {
        if (!Avx512F.IsSupported)
        {
            var (low, high) = (Halves(pairs), Halves(pairs + Lanes));
            return (Vector512.Create(low.Re, high.Re), Vector512.Create(low.Im, high.Im));
        }
        Vector512<float> first = Vector512.Load(pairs), second = Vector512.Load(pairs + Lanes);
        return (Avx512F.PermuteVar16x32x2(first, Even, second), Avx512F.PermuteVar16x32x2(first, Odd, second));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Store(float* pairs, Vector512<float> re, Vector512<float> im)
    {
        if (!Avx512F.IsSupported)
        {
            Join(pairs, re.GetLower(), im.GetLower());
            Join(pairs + Lanes, re.GetUpper(), im.GetUpper());
            return;
        }
        Vector512.Store(Avx512F.PermuteVar16x32x2(re, Low, im), pairs);
        Vector512.Store(Avx512F.PermuteVar16x32x2(re, High, im), pairs + Lanes);
    }

    /// <summary>Eight pairs in 256-bit vectors, whose instructions keep to quarters.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<float> Re, Vector256<float> Im) Halves(float* pairs)
    {
        Vector256<float> first = Vector256.Load(pairs), second = Vector256.Load(pairs + Lanes / 2);
        Vector256<float> outer = Avx.Permute2x128(first, second, 0x20), inner = Avx.Permute2x128(first, second, 0x31);
        return (Avx.Shuffle(outer, inner, 0b10_00_10_00), Avx.Shuffle(outer, inner, 0b11_01_11_01));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Join(float* pairs, Vector256<float> re, Vector256<float> im)
    {
        Vector256<float> low = Avx.UnpackLow(re, im), high = Avx.UnpackHigh(re, im);
        Vector256.Store(Avx.Permute2x128(low, high, 0x20), pairs);
        Vector256.Store(Avx.Permute2x128(low, high, 0x31), pairs + Lanes / 2);
    }
}
