using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Codec.Core.Kernels;

/// <summary>y = result.</summary>
internal readonly unsafe struct StoreSink(float* y, nint step) : IRowSink
{
    private readonly float* _y = y;

    public void Take(float* sums, int row, int rows, int column, int width)
    {
        for (var r = 0; r < rows; r++)
        {
            float* to = _y + (row + r) * step + column;
            for (var i = 0; i < width; i += RowTile.Lanes)
                Vector512.Store(Vector512.Load(sums + r * width + i), to + i);
        }
    }
}

/// <summary>y = result, of which columns beyond the last are left out.</summary>
internal readonly unsafe struct CutSink(float* y, int columns) : IRowSink
{
    private readonly float* _y = y;

    public void Take(float* sums, int row, int rows, int column, int width)
    {
        for (var r = 0; r < rows; r++)
            new ReadOnlySpan<float>(sums + r * width, Math.Min(width, columns - column)).CopyTo(new Span<float>(_y + (long)(row + r) * columns + column, width));
    }
}

/// <summary>y = GELU(result).</summary>
internal readonly unsafe struct GeluSink(float* y, nint step) : IRowSink
{
    private readonly float* _y = y;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Take(float* sums, int row, int rows, int column, int width)
    {
        for (var r = 0; r < rows; r++)
        {
            float* to = _y + (row + r) * step + column;
            for (var i = 0; i < width; i += RowTile.Lanes)
                Vector512.Store(VectorMath.Gelu(Vector512.Load(sums + r * width + i)), to + i);
        }
    }
}

/// <summary>y += gamma * result.</summary>
internal readonly unsafe struct ResidualSink(float* y, nint step, float* gamma) : IRowSink
{
    private readonly float* _y = y, _gamma = gamma;

    public void Take(float* sums, int row, int rows, int column, int width)
    {
        for (var r = 0; r < rows; r++)
        {
            float* to = _y + (row + r) * step + column;
            for (var i = 0; i < width; i += RowTile.Lanes)
                Vector512.Store(Vector512.FusedMultiplyAdd(Vector512.Load(_gamma + column + i), Vector512.Load(sums + r * width + i), Vector512.Load(to + i)), to + i);
        }
    }
}

/// <summary>The largest result of every row and the lowest column that has it, per lane; <see cref="Index"/> joins the lanes.</summary>
/// <param name="scores">[rows][16].</param>
/// <param name="columns">[rows][16].</param>
internal readonly unsafe struct ArgMaxSink(float* scores, int* columns) : IRowSink
{
    private readonly float* _scores = scores;
    private readonly int* _columns = columns;

    public void Take(float* sums, int row, int rows, int column, int width)
    {
        for (var r = 0; r < rows; r++)
        {
            var at = (row + r) * RowTile.Lanes;
            var (best, index) = column == 0
                ? (Vector512.Create(float.NegativeInfinity), Vector512<int>.Zero)
                : (Vector512.Load(_scores + at), Vector512.Load(_columns + at));
            for (var i = 0; i < width; i += RowTile.Lanes)
            {
                var value = Vector512.Load(sums + r * width + i);
                var better = Vector512.GreaterThan(value, best); // strictly: the earlier column keeps a tie
                best = Vector512.ConditionalSelect(better, value, best);
                index = Vector512.ConditionalSelect(better.AsInt32(), Vector512<int>.Indices + Vector512.Create(column + i), index);
            }
            Vector512.Store(best, _scores + at);
            Vector512.Store(index, _columns + at);
        }
    }

    public int Index(int row)
    {
        float* scores = _scores + row * RowTile.Lanes;
        int* columns = _columns + row * RowTile.Lanes;
        var (best, at) = (scores[0], columns[0]);
        for (var lane = 1; lane < RowTile.Lanes; lane++)
            if (scores[lane] > best || (scores[lane] == best && columns[lane] < at))
                (best, at) = (scores[lane], columns[lane]);
        return at;
    }
}
