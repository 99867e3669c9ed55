using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Quantizers;

/// <summary>
/// Nearest codebook entries by Euclidean distance. Own kernel: every score is one chain of fused multiply-adds in a
/// fixed order, so the answer for a vector depends neither on its batch, nor on thread count or instruction set.
/// Ties go to the lowest index. An index is a snapshot: build a new one when the codebook changes.
/// </summary>
public sealed unsafe class CodebookIndex
{
    private const int Lanes = 16, Panel = 2 * Lanes, RowBlock = 4;
    private const long ParallelWork = 4_000_000; // multiply-adds below which one thread is faster

    private readonly int _dimension, _padded;
    private readonly float[] _columns;      // [panels of 32 entries][D][32]: one entry per lane, read in order
    private readonly float[] _negHalfNorms; // -|e|^2 / 2; -inf for padding, which therefore never wins

    private CodebookIndex(ReadOnlySpan<float> entries, int size, int dimension)
    {
        (Size, _dimension) = (size, dimension);
        _padded = (size + Panel - 1) / Panel * Panel;
        _columns = new float[(long)dimension * _padded];
        _negHalfNorms = new float[_padded];
        Array.Fill(_negHalfNorms, float.NegativeInfinity);
        for (var v = 0; v < size; v++)
        {
            double norm = 0;
            for (var d = 0; d < dimension; d++)
            {
                var value = entries[v * dimension + d];
                _columns[((long)(v / Panel) * dimension + d) * Panel + v % Panel] = value;
                norm += (double)value * value;
            }
            _negHalfNorms[v] = (float)(-norm / 2);
        }
    }

    /// <summary>Number of entries.</summary>
    public int Size { get; }

    /// <param name="codebook_VD">float32 [V, D], any device.</param>
    public static CodebookIndex Of(Tensor codebook_VD)
    {
        using var scope = NewDisposeScope();
        var cpu = AsFloats(codebook_VD);
        return new CodebookIndex(Floats(cpu), (int)cpu.shape[0], (int)cpu.shape[1]);
    }

    /// <param name="x_ND">float32 [..., D], any device.</param>
    /// <returns>int64 [...] on the same device.</returns>
    public Tensor Nearest(Tensor x_ND)
    {
        using var scope = NewDisposeScope();
        var rows = AsFloats(x_ND);
        var shape = x_ND.shape[..^1];
        var codes = zeros(shape, dtype: ScalarType.Int64);
        Nearest(Floats(rows), MemoryMarshal.Cast<byte, long>(codes.bytes));
        return codes.to(x_ND.device).MoveToOuterDisposeScope();
    }

    /// <param name="rows">N vectors of D values.</param>
    /// <param name="codes">N answers.</param>
    public void Nearest(ReadOnlySpan<float> rows, Span<long> codes)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(rows.Length, codes.Length * _dimension);
        if (codes.Length == 0)
            return;
        fixed (float* x = rows)
        fixed (long* y = codes)
        {
            var (px, py, count) = ((nint)x, (nint)y, codes.Length); // pointers cannot be captured
            var threads = (long)count * Size * _dimension < ParallelWork ? 1 : get_num_threads();
            var blocks = (count + RowBlock - 1) / RowBlock;
            if (threads == 1)
            {
                for (var block = 0; block < blocks; block++)
                    Block((float*)px, (long*)py, block * RowBlock, count);
                return;
            }
            Parallel.For(0, blocks, new ParallelOptions { MaxDegreeOfParallelism = threads },
                block => Block((float*)px, (long*)py, block * RowBlock, count));
        }
    }

    /// <summary>Up to four rows from <paramref name="first"/>; a short last block repeats its last row.</summary>
    private void Block(float* rows, long* codes, int first, int count)
    {
        float* r0 = rows + (long)first * _dimension;
        float* r1 = rows + (long)Math.Min(first + 1, count - 1) * _dimension;
        float* r2 = rows + (long)Math.Min(first + 2, count - 1) * _dimension;
        float* r3 = rows + (long)Math.Min(first + 3, count - 1) * _dimension;
        Best b0 = new(), b1 = new(), b2 = new(), b3 = new();
        fixed (float* columns = _columns, norms = _negHalfNorms)
        {
            float* column = columns;
            for (var v = 0; v < _padded; v += Panel)
            {
                var (s00, s01) = (Vector512.Load(norms + v), Vector512.Load(norms + v + Lanes));
                var (s10, s11, s20, s21, s30, s31) = (s00, s01, s00, s01, s00, s01);
                for (var d = 0; d < _dimension; d++, column += Panel)
                {
                    var (e0, e1) = (Vector512.Load(column), Vector512.Load(column + Lanes));
                    var x = Vector512.Create(r0[d]);
                    (s00, s01) = (Vector512.FusedMultiplyAdd(x, e0, s00), Vector512.FusedMultiplyAdd(x, e1, s01));
                    x = Vector512.Create(r1[d]);
                    (s10, s11) = (Vector512.FusedMultiplyAdd(x, e0, s10), Vector512.FusedMultiplyAdd(x, e1, s11));
                    x = Vector512.Create(r2[d]);
                    (s20, s21) = (Vector512.FusedMultiplyAdd(x, e0, s20), Vector512.FusedMultiplyAdd(x, e1, s21));
                    x = Vector512.Create(r3[d]);
                    (s30, s31) = (Vector512.FusedMultiplyAdd(x, e0, s30), Vector512.FusedMultiplyAdd(x, e1, s31));
                }
                b0.Take(s00, s01, v);
                b1.Take(s10, s11, v);
                b2.Take(s20, s21, v);
                b3.Take(s30, s31, v);
            }
        }
        codes[first] = b0.Index();
        if (first + 1 < count) codes[first + 1] = b1.Index();
        if (first + 2 < count) codes[first + 2] = b2.Index();
        if (first + 3 < count) codes[first + 3] = b3.Index();
    }

    /// <summary>The best score of each lane and where it was.</summary>
    private struct Best()
    {
        private static readonly Vector512<int> LaneNumbers = Vector512<int>.Indices;
        private Vector512<float> _score = Vector512.Create(float.NegativeInfinity);
        private Vector512<int> _index = Vector512<int>.Zero;

        public void Take(Vector512<float> low, Vector512<float> high, int v)
        {
            Take(low, LaneNumbers + Vector512.Create(v));
            Take(high, LaneNumbers + Vector512.Create(v + Lanes));
        }

        private void Take(Vector512<float> score, Vector512<int> index)
        {
            var better = Vector512.GreaterThan(score, _score); // strictly: the earlier entry keeps a tie
            _score = Vector512.ConditionalSelect(better, score, _score);
            _index = Vector512.ConditionalSelect(better.AsInt32(), index, _index);
        }

        public readonly int Index()
        {
            var (best, at) = (_score[0], _index[0]);
            for (var lane = 1; lane < Lanes; lane++)
                if (_score[lane] > best || (_score[lane] == best && _index[lane] < at))
                    (best, at) = (_score[lane], _index[lane]);
            return at;
        }
    }

    private static Tensor AsFloats(Tensor x) => x.detach().to(float32).cpu().contiguous();

    private static ReadOnlySpan<float> Floats(Tensor x) => MemoryMarshal.Cast<byte, float>(x.bytes);
}
