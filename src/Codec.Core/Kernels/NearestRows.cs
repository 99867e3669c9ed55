using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core.Kernels;

/// <summary>Nearest entries of a book that changes from call to call: the product with all entries and the search for the best in one pass.</summary>
internal static unsafe class NearestRows
{
    /// <summary>Whether the kernels apply: float32 on a CPU with fused multiply-adds, whole panels.</summary>
    public static bool Fits(Tensor x, Tensor entries_VD)
        => VectorMath.HasFused && x.device_type == DeviceType.CPU && x.dtype == ScalarType.Float32
            && entries_VD.dtype == ScalarType.Float32 && entries_VD.is_contiguous() && entries_VD.shape[0] % MatrixProduct.Panel == 0;

    /// <param name="x">[..., D].</param>
    /// <param name="entries_VD">[V, D].</param>
    /// <returns>int64 [...]; of equally near entries the lowest.</returns>
    public static Tensor Find(Tensor x, Tensor entries_VD)
    {
        using var mode = no_grad();
        using var scope = NewDisposeScope();
        var (size, dimension) = ((int)entries_VD.shape[0], (int)entries_VD.shape[1]);
        var rows_ND = x.detach().reshape(-1, dimension).contiguous();
        var rows = (int)rows_ND.shape[0];
        // |x - c|^2 is smallest where x c - |c|^2 / 2 is largest.
        Tensor bias_V = entries_VD.pow(2).sum([1L]).mul_(-0.5f), panels = empty((long)size * dimension);
        Tensor scores = empty((long)rows, RowTile.Lanes), columns = empty([(long)rows, RowTile.Lanes], ScalarType.Int32);
        var best = new ArgMaxSink(ChannelPattern.Pointer(scores), (int*)ChannelPattern.Pointer(columns));
        MatrixProduct.PackTransposed(ChannelPattern.Pointer(entries_VD), dimension, size, ChannelPattern.Pointer(panels));
        MatrixProduct.Run(ChannelPattern.Pointer(rows_ND), rows, dimension, ChannelPattern.Pointer(panels), size, ChannelPattern.Pointer(bias_V), best);
        var found = new long[rows];
        for (var row = 0; row < rows; row++)
            found[row] = best.Index(row);
        return tensor(found, [.. x.shape[..^1]]).MoveToOuterDisposeScope();
    }
}
