using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Codec.Core.Kernels;

/// <summary>Layer normalisation of padded float32 rows (Ba et al. 2016); padding stays zero.</summary>
internal sealed unsafe class RowNorm : IDisposable
{
    private const float Epsilon = 1e-5f; // PyTorch's default, which the models were trained with

    private readonly AlignedFloats _scale, _shift, _mask;
    private readonly int _width, _padded;

    public RowNorm(ReadOnlySpan<float> weight_C, ReadOnlySpan<float> bias_C)
    {
        _width = weight_C.Length;
        _padded = RowLinear.Pad(_width);
        (_scale, _shift, _mask) = (new AlignedFloats(_padded), new AlignedFloats(_padded), new AlignedFloats(_padded));
        weight_C.CopyTo(new Span<float>(_scale.Pointer, _width));
        bias_C.CopyTo(new Span<float>(_shift.Pointer, _width));
        new Span<float>(_mask.Pointer, _width).Fill(1);
    }

    /// <summary>Normalises rows; <paramref name="y"/> may be <paramref name="x"/>.</summary>
    public void Run(float* x, nint xStep, float* y, nint yStep, int rows)
    {
        for (var row = 0; row < rows; row++)
            Row(x + row * xStep, y + row * yStep);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Row(float* x, float* y)
    {
        float* mask = _mask.Pointer, scale = _scale.Pointer, shift = _shift.Pointer;
        var sum = Vector512<float>.Zero;
        for (var i = 0; i < _padded; i += RowTile.Lanes)
            sum += Vector512.Load(x + i);
        var mean = Vector512.Create(Vector512.Sum(sum) / _width);
        var squares = Vector512<float>.Zero;
        for (var i = 0; i < _padded; i += RowTile.Lanes)
        {
            var centred = (Vector512.Load(x + i) - mean) * Vector512.Load(mask + i);
            squares = Vector512.FusedMultiplyAdd(centred, centred, squares);
        }
        var factor = Vector512.Create(1 / MathF.Sqrt(Vector512.Sum(squares) / _width + Epsilon));
        for (var i = 0; i < _padded; i += RowTile.Lanes)
            Vector512.Store(Vector512.FusedMultiplyAdd((Vector512.Load(x + i) - mean) * factor, Vector512.Load(scale + i), Vector512.Load(shift + i)), y + i);
    }

    public void Dispose()
    {
        _scale.Dispose();
        _shift.Dispose();
        _mask.Dispose();
    }
}
