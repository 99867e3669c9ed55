namespace Codec.Core.Bitstream.Prediction;

/// <summary>Instructions that <see cref="IntegerKernels"/> can use.</summary>
internal enum KernelPath
{
    Scalar,

    /// <summary>128-bit vectors of whatever kind: NEON on Arm64, SSE4.1 on old x64.</summary>
    Vector128,

    Avx2,
    Avx512,
}

/// <summary>Sizes of a product.</summary>
/// <param name="Groups">Groups of sixteen rows.</param>
/// <param name="GroupPairs">Pairs of columns that are stored of a group.</param>
/// <param name="Pairs">Pairs of columns that are multiplied.</param>
/// <param name="Frames">Input vectors.</param>
/// <param name="Stride">Numbers from one input vector to the next.</param>
internal readonly record struct KernelShape(int Groups, int GroupPairs, int Pairs, int Frames, int Stride);
