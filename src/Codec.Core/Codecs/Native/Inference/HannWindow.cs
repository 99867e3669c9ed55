using Codec.Core.Kernels;

namespace Codec.Core.Codecs.Native.Inference;

/// <summary>The periodic Hann windows of analysis and synthesis, in the precision of PyTorch's.</summary>
internal static unsafe class HannWindow
{
    /// <param name="length">Samples.</param>
    /// <param name="divisor">Divides every value.</param>
    public static AlignedFloats Of(int length, double divisor = 1)
    {
        var window = new AlignedFloats(length);
        for (var n = 0; n < length; n++)
            window.Pointer[n] = (float)((0.5 - 0.5 * Math.Cos(2 * Math.PI * n / length)) / divisor);
        return window;
    }
}
