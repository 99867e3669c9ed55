using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Codec.Core.Bitstream.Prediction;

/// <summary>
/// Signed bytes laid out for integer products: groups of sixteen rows, in a group pair of columns by pair of columns, so that a
/// vector instruction takes two inputs for all rows of a group and nothing has to be summed across lanes.
/// </summary>
internal sealed class PackedMatrix
{
    /// <summary>Rows of a group.</summary>
    public const int GroupRows = 16;

    private const int CacheLine = 64;

    private readonly sbyte[] _weights; // from _start on [block, group, pair of columns, row, 2]
    private readonly int _start;       // of a cache line, so that no vector lies across two
    private readonly int _pairs;
    private readonly int _groups;      // of a block

    /// <param name="weights">Row-major.</param>
    /// <param name="columns">Of a row; an odd number is rounded up with zeros.</param>
    /// <param name="blockRows">Rows of a block: each starts a group of its own, so that it can be multiplied alone.</param>
    public PackedMatrix(ReadOnlySpan<sbyte> weights, int columns, int blockRows)
    {
        _pairs = (columns + 1) / 2;
        _groups = (blockRows + GroupRows - 1) / GroupRows;
        var rows = weights.Length / columns;
        _weights = GC.AllocateArray<sbyte>(checked((rows + blockRows - 1) / blockRows * BlockLength + CacheLine), pinned: true);
        _start = Misalignment(_weights);
        for (var r = 0; r < rows; r++)
        {
            var (group, lane) = Math.DivRem(r % blockRows, GroupRows);
            var start = _start + r / blockRows * BlockLength + group * _pairs * 2 * GroupRows + 2 * lane;
            for (var c = 0; c < columns; c++)
                _weights[start + c / 2 * 2 * GroupRows + c % 2] = weights[r * columns + c];
        }
    }

    /// <summary>Sums that a block gives: its rows, rounded up to whole groups.</summary>
    public int Sums => _groups * GroupRows;

    private int BlockLength => _groups * _pairs * 2 * GroupRows;

    /// <summary>sums[t, r] += sum over c of block[r, first + c] * x[t, c], modulo 2^32.</summary>
    /// <param name="block">Rows.</param>
    /// <param name="first">First column, even.</param>
    /// <param name="columns">Columns, even.</param>
    /// <param name="x">Inputs: frame t starts at t * stride; frames may overlap.</param>
    /// <param name="frames">Frames.</param>
    /// <param name="stride">From one frame of x to the next.</param>
    /// <param name="sums">[frame, <see cref="Sums"/>].</param>
    /// <param name="path">Null: the fastest here. All give the same.</param>
    public void MultiplyAdd(int block, int first, int columns, ReadOnlySpan<short> x, int frames, int stride, Span<int> sums, KernelPath? path = null)
    {
        if ((first | columns | stride) % 2 != 0 || first < 0 || first + columns > 2 * _pairs || frames > 0 && x.Length < (frames - 1) * stride + columns || sums.Length < frames * Sums)
            throw new ArgumentOutOfRangeException(nameof(columns));
        var weights = _weights.AsSpan(_start + block * BlockLength, BlockLength);
        ref var weight = ref Unsafe.Add(ref MemoryMarshal.GetReference(weights), first * GroupRows);
        var shape = new KernelShape(_groups, _pairs, columns / 2, frames, stride);
        IntegerKernels.MultiplyAdd(shape, ref weight, ref MemoryMarshal.GetReference(x), ref MemoryMarshal.GetReference(sums), path ?? IntegerKernels.Fastest);
    }

    private static unsafe int Misalignment(sbyte[] pinned)
        => (int)(-(nint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(pinned)) & (CacheLine - 1));
}
