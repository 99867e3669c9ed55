namespace Codec.Core.Kernels;

/// <summary>What happens to the results of a <see cref="RowLinear"/> while they are still in the nearest cache. A struct, so that
/// the compiler fuses it into the loop.</summary>
internal unsafe interface IRowSink
{
    /// <param name="sums">[rows][width], may be overwritten.</param>
    /// <param name="row">Number of the first row.</param>
    /// <param name="rows">How many.</param>
    /// <param name="column">Number of the first column.</param>
    /// <param name="width">How many, a multiple of 16.</param>
    void Take(float* sums, int row, int rows, int column, int width);
}
