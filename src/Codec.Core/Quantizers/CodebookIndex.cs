using System.Runtime.InteropServices;
using Codec.Core.Kernels;
using static TorchSharp.torch;

namespace Codec.Core.Quantizers;

/// <summary>
/// Nearest codebook entries by Euclidean distance. Own kernels: every score is one chain of fused multiply-adds in a
/// fixed order, so the answer for a vector depends neither on its batch, nor on thread count or instruction set.
/// Ties go to the lowest index. An index is a snapshot: build a new one when the codebook changes.
/// </summary>
public sealed unsafe class CodebookIndex
{
    private readonly int _dimension, _padded;
    private readonly AlignedFloats _panels;       // [panels of 64 entries][D][64]: one entry per lane, read in order
    private readonly AlignedFloats _negHalfNorms; // -|e|^2 / 2; -inf for padding, which therefore never wins

    private CodebookIndex(ReadOnlySpan<float> entries, int size, int dimension)
    {
        (Size, _dimension) = (size, dimension);
        _padded = (size + MatrixProduct.Panel - 1) / MatrixProduct.Panel * MatrixProduct.Panel;
        _panels = new AlignedFloats((long)dimension * _padded);
        _negHalfNorms = new AlignedFloats(_padded);
        new Span<float>(_negHalfNorms.Pointer, _padded).Fill(float.NegativeInfinity);
        for (var v = 0; v < size; v++)
        {
            float* panel = _panels.Pointer + (long)(v / MatrixProduct.Panel) * dimension * MatrixProduct.Panel + v % MatrixProduct.Panel;
            double norm = 0;
            for (var d = 0; d < dimension; d++)
            {
                var value = entries[v * dimension + d];
                panel[(long)d * MatrixProduct.Panel] = value;
                norm += (double)value * value;
            }
            _negHalfNorms.Pointer[v] = (float)(-norm / 2);
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
        using var scores = new AlignedFloats((long)codes.Length * RowTile.Lanes);
        using var columns = new AlignedFloats((long)codes.Length * RowTile.Lanes); // 32-bit integers
        var best = new ArgMaxSink(scores.Pointer, (int*)columns.Pointer);
        fixed (float* x = rows)
            MatrixProduct.Run(x, codes.Length, _dimension, _panels.Pointer, _padded, _negHalfNorms.Pointer, best);
        GC.KeepAlive(this); // or the finalizers of its memory may run
        for (var row = 0; row < codes.Length; row++)
            codes[row] = best.Index(row);
    }

    private static Tensor AsFloats(Tensor x) => x.detach().to(float32).cpu().contiguous();

    private static ReadOnlySpan<float> Floats(Tensor x) => MemoryMarshal.Cast<byte, float>(x.bytes);
}
