using static TorchSharp.torch;

namespace Codec.Core.Layers;

/// <summary>
/// Runs layers at high rates over a signal in overlapping windows, so that only a part of their large activations is held. A window is wide enough for
/// all that the kept part depends on: the result is that of the whole signal but for rounding.
/// </summary>
internal static class TimeWindows
{
    /// <summary>Samples of a window without its overlap, at the rate of the audio.</summary>
    public const int Samples = 1 << 14;

    /// <param name="x_BCT">Input, kept.</param>
    /// <param name="layers">Maps a window, which it may overwrite; T frames become T up / down.</param>
    /// <param name="geometry">The convolutions of the layers in order.</param>
    /// <param name="piece">Input frames of a window without its overlap, a multiple of <paramref name="down"/>.</param>
    /// <param name="up">Output frames for...</param>
    /// <param name="down">... so many input frames.</param>
    public static Tensor Run(Tensor x_BCT, Func<Tensor, Tensor> layers, IEnumerable<ConvGeometry> geometry, int piece, int up, int down)
    {
        using var scope = NewDisposeScope();
        if (x_BCT.size(2) <= piece)
            return layers(Copy(x_BCT)).MoveToOuterDisposeScope();
        var (halo, length) = ((Radius(geometry) + down - 1) / down * down, x_BCT.size(2));
        var parts = new FrameParts();
        for (var start = 0L; start < length; start += piece)
        {
            using var inner = NewDisposeScope();
            var (first, end) = (Math.Max(start - halo, 0), Math.Min(start + piece, length));
            var part_BCT = layers(Copy(x_BCT.narrow(2, first, Math.Min(end + halo, length) - first)));
            parts.Add(part_BCT.narrow(2, (start - first) * up / down, (end - start) * up / down).transpose(1, 2), length * up / down);
        }
        return parts.Join().transpose(1, 2).MoveToOuterDisposeScope();
    }

    private static Tensor Copy(Tensor x_BCT)
    {
        using var scope = NewDisposeScope();
        return empty(x_BCT.size(0), x_BCT.size(2), x_BCT.size(1), x_BCT.dtype).copy_(x_BCT.transpose(1, 2)).transpose(1, 2).MoveToOuterDisposeScope();
    }

    /// <summary>Input frames on either side that an output frame depends on, rounded up at every layer.</summary>
    private static long Radius(IEnumerable<ConvGeometry> geometry)
        => geometry.Reverse().Aggregate(0L, (radius, layer) => layer.Transposed
            ? (radius + layer.Kernel + layer.Stride - 1) / layer.Stride
            : radius * layer.Stride + layer.Kernel * layer.Dilation);
}
