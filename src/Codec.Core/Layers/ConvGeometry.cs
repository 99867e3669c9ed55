namespace Codec.Core.Layers;

/// <summary>What length arithmetic needs of a convolution without padding.</summary>
/// <param name="Kernel">K.</param>
/// <param name="Stride">S.</param>
/// <param name="Dilation">D.</param>
/// <param name="Transposed">Upsampling.</param>
public readonly record struct ConvGeometry(int Kernel, int Stride, int Dilation, bool Transposed)
{
    private int Reach => Dilation * (Kernel - 1) + 1;

    /// <summary>Output length of <paramref name="length"/> inputs.</summary>
    public long Output(long length) => Transposed ? (length - 1) * Stride + Reach : FloorDivide(length - Reach, Stride) + 1;

    /// <summary>Input length that yields <paramref name="length"/> outputs (at least, where strides do not divide).</summary>
    public long Input(long length) => Transposed ? -FloorDivide(Reach - length, Stride) + 1 : (length - 1) * Stride + Reach;

    private static long FloorDivide(long a, long b) => (long)Math.Floor((double)a / b);
}
