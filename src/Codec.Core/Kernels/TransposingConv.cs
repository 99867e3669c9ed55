using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Codec.Core.Kernels;

/// <summary>
/// <see cref="DenseConv"/> on weights that stay where they lie: every panel is turned into the order of the tiles just before all rows go past it, which
/// many rows pay for. Threads share the columns, so that every panel is turned once. Sums as that of packed weights, to the bit where nothing is scaled.
/// </summary>
/// <param name="shape">Sizes; the inputs of a step lie side by side.</param>
internal sealed unsafe class TransposingConv(ConvShape shape) : DenseConv(shape)
{
    private const int RowsPerPass = 504; // whole tiles of either height; turning a panel costs as much as 15 rows

    [ThreadStatic]
    private static AlignedFloats? _panel;

    private const int Lanes = DenseTile.Lanes;

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

    public override void Run(float* x, float* y, float* add, long steps, bool elu)
    {
        var (from, to, plus) = ((nint)x, (nint)y, (nint)add); // pointers cannot be captured
        RowBlocks.Run(Panels, steps * Shape.Taps * Shape.Inputs * DenseTile.WideColumns,
            (first, last) => Blocks((float*)from, (float*)to, (float*)plus, 0, steps, elu, (int)first, (int)last));
    }

    private protected override float* PanelAt(int column, int width, int from, int count)
    {
        float* panel = AlignedFloats.Grow(ref _panel, (long)width * count).Pointer;
        nint length = (nint)Shape.Taps * Shape.Inputs;
        var turned = 0;
        for (; Avx512F.IsSupported && turned + Lanes <= Math.Min(width, Shape.Columns - column); turned += Lanes)
            TurnLanes(_weights + (column + turned) * length + from, length, panel + turned, width, count, _scale == null ? Vector512<float>.One : Vector512.Load(_scale + column + turned));
        for (var j = turned; j < width; j += 4)
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

    /// <summary>Sixteen rows of weights into sixteen columns: whole cache lines.</summary>
    private static void TurnLanes(float* rows, nint length, float* to, nint width, int count, Vector512<float> scale)
    {
        float* end = rows + count;
        for (; rows + 4 <= end; rows += 4, to += 4 * width)
        {
            // Part k of a vector is from row 4 k, 4 k + 1, ...
            Vector512<float> p = Quarters(rows, length), q = Quarters(rows + length, length), r = Quarters(rows + 2 * length, length), s = Quarters(rows + 3 * length, length);
            Vector512<double> pqLow = Avx512F.UnpackLow(p, q).AsDouble(), pqHigh = Avx512F.UnpackHigh(p, q).AsDouble(), rsLow = Avx512F.UnpackLow(r, s).AsDouble(), rsHigh = Avx512F.UnpackHigh(r, s).AsDouble();
            Vector512.Store(Avx512F.UnpackLow(pqLow, rsLow).AsSingle() * scale, to);
            Vector512.Store(Avx512F.UnpackHigh(pqLow, rsLow).AsSingle() * scale, to + width);
            Vector512.Store(Avx512F.UnpackLow(pqHigh, rsHigh).AsSingle() * scale, to + 2 * width);
            Vector512.Store(Avx512F.UnpackHigh(pqHigh, rsHigh).AsSingle() * scale, to + 3 * width);
        }
        for (; rows < end; rows++, to += width)
            for (var j = 0; j < Lanes; j++)
                to[j] = rows[j * length] * scale[j];
    }

    /// <summary>Four numbers of every fourth row.</summary>
    private static Vector512<float> Quarters(float* row, nint length) => Vector512.Create(
        Vector256.Create(Vector128.Load(row), Vector128.Load(row + 4 * length)), Vector256.Create(Vector128.Load(row + 8 * length), Vector128.Load(row + 12 * length)));

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
