using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Codec.Core.Kernels;

/// <summary>
/// <see cref="DenseConv"/> on weights that stay where they lie: every panel is turned into the order of the tiles just before all rows go past it, which
/// many rows pay for. Sums as that of packed weights, to the bit where nothing is scaled.
/// </summary>
/// <param name="shape">Sizes; the inputs of a step lie side by side.</param>
internal sealed unsafe class TransposingConv(ConvShape shape) : DenseConv(shape)
{
    private const int RowsPerPass = 504; // whole tiles of either height; turning a panel costs as much as 15 rows

    [ThreadStatic]
    private static AlignedFloats? _panel;

    private float* _weights, _scale;

    private protected override int MostRows => RowsPerPass;

    /// <summary>Where the parameters lie for the next run.</summary>
    /// <param name="weights">[columns, taps, inputs].</param>
    /// <param name="bias">[columns] or null.</param>
    /// <param name="scale">[columns] or null: a factor of the weights.</param>
    public void Use(float* weights, float* bias, float* scale)
    {
        _weights = weights;
        _scale = scale;
        if (bias != null)
            new ReadOnlySpan<float>(bias, Shape.Columns).CopyTo(Bias);
    }

    private protected override float* PanelAt(int column, int width, int from, int count)
    {
        float* panel = AlignedFloats.Grow(ref _panel, (long)width * count).Pointer;
        nint length = (nint)Shape.Taps * Shape.Inputs;
        for (var j = 0; j < width; j += 4)
        {
            var used = Math.Clamp(Shape.Columns - column - j, 0, 4);
            float* rows = _weights + (column + j) * length + from;
            if (used == 4)
                Turn(rows, length, panel + j, width, count, _scale == null ? Vector128<float>.One : Vector128.Load(_scale + column + j));
            else
                Few(rows, length, used, panel + j, width, count, column + j);
        }
        return panel;
    }

    /// <summary>Four rows of weights into four columns.</summary>
    private static void Turn(float* rows, nint length, float* to, nint width, int count, Vector128<float> scale)
    {
        float* a = rows, b = rows + length, c = b + length, d = c + length;
        var i = 0;
        for (; Sse.IsSupported && i + 4 <= count; i += 4, to += 4 * width)
        {
            Vector128<float> p = Vector128.Load(a + i), q = Vector128.Load(b + i), r = Vector128.Load(c + i), s = Vector128.Load(d + i);
            Vector128<float> pqLow = Sse.UnpackLow(p, q), pqHigh = Sse.UnpackHigh(p, q), rsLow = Sse.UnpackLow(r, s), rsHigh = Sse.UnpackHigh(r, s);
            Vector128.Store(Sse.MoveLowToHigh(pqLow, rsLow) * scale, to);
            Vector128.Store(Sse.MoveHighToLow(rsLow, pqLow) * scale, to + width);
            Vector128.Store(Sse.MoveLowToHigh(pqHigh, rsHigh) * scale, to + 2 * width);
            Vector128.Store(Sse.MoveHighToLow(rsHigh, pqHigh) * scale, to + 3 * width);
        }
        for (; i < count; i++, to += width)
            Vector128.Store(Vector128.Create(a[i], b[i], c[i], d[i]) * scale, to);
    }

    private void Few(float* rows, nint length, int used, float* to, nint width, int count, int column)
    {
        for (var i = 0; i < count; i++)
            for (var j = 0; j < 4; j++)
                to[i * width + j] = j >= used ? 0 : rows[j * length + i] * (_scale == null ? 1 : _scale[column + j]);
    }
}
