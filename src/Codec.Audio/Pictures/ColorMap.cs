using SkiaSharp;

namespace Codec.Audio.Pictures;

/// <summary>Black through violet and orange to pale yellow, of even steps in lightness.</summary>
internal static class ColorMap
{
    private static readonly (byte R, byte G, byte B)[] Anchors =
        [(0, 0, 6), (29, 16, 70), (81, 18, 124), (130, 37, 129), (182, 54, 121), (230, 81, 98), (251, 136, 97), (254, 194, 140), (252, 253, 191)];

    private static readonly SKColor[] Table = [.. Enumerable.Range(0, 256).Select(i => Interpolate(i / 255.0))];

    /// <param name="level">0 (dark) to 1 (light); values outside are clipped.</param>
    public static SKColor At(double level) => Table[(int)Math.Round(Math.Clamp(level, 0, 1) * 255)];

    private static SKColor Interpolate(double level)
    {
        var position = level * (Anchors.Length - 1);
        var index = Math.Min((int)position, Anchors.Length - 2);
        var (a, b, f) = (Anchors[index], Anchors[index + 1], position - index);
        return new SKColor(Mix(a.R, b.R, f), Mix(a.G, b.G, f), Mix(a.B, b.B, f));
    }

    private static byte Mix(byte a, byte b, double f) => (byte)Math.Round(a + (b - a) * f);
}
