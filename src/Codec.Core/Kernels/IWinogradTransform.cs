using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Codec.Core.Kernels;

/// <summary>The maps B and A of a <see cref="WinogradTile"/>, on vectors of channels. A struct, so that the compiler fuses them into the loops.</summary>
internal unsafe interface IWinogradTransform
{
    /// <summary>B x.</summary>
    /// <param name="x">16 channels of the first of N rows.</param>
    /// <param name="row">Floats to the next.</param>
    /// <param name="to">The first of N products.</param>
    /// <param name="step">Floats to the next.</param>
    static abstract void Input(float* x, nint row, float* to, nint step);

    /// <summary>A of N products, added to what an output starts from.</summary>
    /// <param name="products">16 channels of the first of N products.</param>
    /// <param name="step">Floats to the next.</param>
    /// <param name="start">All outputs start from it.</param>
    /// <param name="y">Outputs; there are M.</param>
    static abstract void Output(float* products, nint step, Vector512<float> start, ref Outputs y);

    /// <summary>The outputs of a tile; of a smaller one the first.</summary>
    internal struct Outputs
    {
        public Vector512<float> Y0, Y1, Y2, Y3, Y4, Y5;
    }
}

/// <summary>Three outputs of two taps.</summary>
internal readonly unsafe struct ThreeOfTwo : IWinogradTransform
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Input(float* x, nint row, float* to, nint step)
    {
        Vector512<float> x0 = Vector512.Load(x), x1 = Vector512.Load(x + row), x2 = Vector512.Load(x + 2 * row), x3 = Vector512.Load(x + 3 * row);
        Vector512.Store(x2 - x0, to);
        Vector512.Store(x2 + x1, to + step);
        Vector512.Store(x2 - x1, to + 2 * step);
        Vector512.Store(x3 - x1, to + 3 * step);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Output(float* products, nint step, Vector512<float> start, ref IWinogradTransform.Outputs y)
    {
        Vector512<float> m1 = Vector512.Load(products + step), m2 = Vector512.Load(products + 2 * step);
        var even = m1 + m2;
        y.Y0 = start + (Vector512.Load(products) + even);
        y.Y1 = start + (m1 - m2);
        y.Y2 = start + (Vector512.Load(products + 3 * step) + even);
    }
}

/// <summary>Four outputs of four taps.</summary>
internal readonly unsafe struct FourOfFour : IWinogradTransform
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Input(float* x, nint row, float* to, nint step)
    {
        Vector512<float> x0 = Vector512.Load(x), x1 = Vector512.Load(x + row), x2 = Vector512.Load(x + 2 * row), x3 = Vector512.Load(x + 3 * row);
        Vector512<float> x4 = Vector512.Load(x + 4 * row), x5 = Vector512.Load(x + 5 * row), x6 = Vector512.Load(x + 6 * row);
        // x (x^2 - 1) (x^2 - 4), and the same a row later.
        Vector512<float> odd = Sum(x5, -5, x3, 4, x1), even = Sum(x6, -5, x4, 4, x2);
        Vector512.Store(Sum(odd, -0.5f, Sum(x4, -5, x2, 4, x0)), to); // (x - 1/2) / x of it
        Vector512.Store(odd, to + 5 * step);
        Vector512.Store(Sum(even, -0.5f, odd), to + 6 * step);
        // (x - 1/2) (x^2 - 4) x and (x - 1/2) (x^2 - 1) x
        Vector512<float> a1 = Sum(x2, -0.5f, x1), a2 = Sum(x3, -0.5f, x2), a3 = Sum(x4, -0.5f, x3), a4 = Sum(x5, -0.5f, x4);
        Vector512<float> p = Sum(a3, -4, a1), q = Sum(a4, -4, a2), r = (a3 - a1) * Vector512.Create(2f), s = a4 - a2;
        Vector512.Store(q + p, to + step);
        Vector512.Store(q - p, to + 2 * step);
        Vector512.Store(s + r, to + 3 * step);
        Vector512.Store(s - r, to + 4 * step);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Output(float* products, nint step, Vector512<float> start, ref IWinogradTransform.Outputs y)
    {
        var sums = SevenProducts.FirstOutputs(products, step, start, ref y);
        y.Y3 = start + (sums.Odd(8, 0.125f) + Vector512.Load(products + 6 * step));
    }

    /// <summary>a + scale b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Sum(Vector512<float> a, float scale, Vector512<float> b) => Vector512.FusedMultiplyAdd(Vector512.Create(scale), b, a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Sum(Vector512<float> a, float first, Vector512<float> b, float second, Vector512<float> c) => Sum(Sum(a, first, b), second, c);
}

/// <summary>Five outputs of three taps.</summary>
internal readonly unsafe struct FiveOfThree : IWinogradTransform
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Input(float* x, nint row, float* to, nint step) => FourOfFour.Input(x, row, to, step);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Output(float* products, nint step, Vector512<float> start, ref IWinogradTransform.Outputs y)
    {
        var sums = SevenProducts.FirstOutputs(products, step, start, ref y);
        y.Y3 = start + sums.Odd(8, 0.125f);
        y.Y4 = start + (sums.Even(16, 0.0625f) + Vector512.Load(products + 6 * step));
    }
}

/// <summary>Six outputs of two taps.</summary>
internal readonly unsafe struct SixOfTwo : IWinogradTransform
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Input(float* x, nint row, float* to, nint step) => FourOfFour.Input(x, row, to, step);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Output(float* products, nint step, Vector512<float> start, ref IWinogradTransform.Outputs y)
    {
        var sums = SevenProducts.FirstOutputs(products, step, start, ref y);
        y.Y3 = start + sums.Odd(8, 0.125f);
        y.Y4 = start + sums.Even(16, 0.0625f);
        y.Y5 = start + (sums.Odd(32, 0.03125f) + Vector512.Load(products + 6 * step));
    }
}

/// <summary>What the outputs of seven products have in common: sums and differences of those at 1 and -1, at 2 and -2.</summary>
internal readonly unsafe struct SevenProducts
{
    private readonly Vector512<float> _m0, _s1, _d1, _s2, _d2, _m5;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public SevenProducts(float* products, nint step)
    {
        Vector512<float> m1 = Vector512.Load(products + step), m2 = Vector512.Load(products + 2 * step);
        Vector512<float> m3 = Vector512.Load(products + 3 * step), m4 = Vector512.Load(products + 4 * step);
        (_m0, _m5) = (Vector512.Load(products), Vector512.Load(products + 5 * step));
        (_s1, _d1, _s2, _d2) = (m1 + m2, m1 - m2, m3 + m4, m3 - m4);
    }

    /// <summary>Outputs 0, 1 and 2, which tiles of seven products have in common.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SevenProducts FirstOutputs(float* products, nint step, Vector512<float> start, ref IWinogradTransform.Outputs y)
    {
        var sums = new SevenProducts(products, step);
        y.Y0 = start + (sums._m0 + sums._s1 + (sums._s2 + sums._m5));
        y.Y1 = start + sums.Odd(2, 0.5f);
        y.Y2 = start + sums.Even(4, 0.25f);
        return sums;
    }

    /// <summary>Output i, even, without infinity.</summary>
    /// <param name="two">2^i.</param>
    /// <param name="half">2^-i.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Even(float two, float half) => FourOfFour.Sum(_s1, two, _s2, half, _m5);

    /// <summary>Output i, odd, without infinity.</summary>
    /// <param name="two">2^i.</param>
    /// <param name="half">2^-i.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector512<float> Odd(float two, float half) => FourOfFour.Sum(_d1, two, _d2, half, _m5);
}
