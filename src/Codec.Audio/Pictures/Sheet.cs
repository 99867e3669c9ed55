using System.Reflection;
using SkiaSharp;

namespace Codec.Audio.Pictures;

/// <summary>A white sheet to draw on, with its own font: machines without any installed get the same picture.</summary>
internal sealed class Sheet : IDisposable
{
    private static readonly Lazy<SKTypeface> Typeface = new(LoadTypeface);

    private readonly SKSurface _surface;

    public Sheet(int width, int height)
    {
        _surface = SKSurface.Create(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Premul))
            ?? throw new ArgumentException($"no picture of {width} x {height} points");
        Canvas.Clear(SKColors.White);
    }

    public static SKColor Ink { get; } = new(0x20, 0x24, 0x28);

    public static SKColor Grid { get; } = new(0xDD, 0xE1, 0xE5);

    public SKCanvas Canvas => _surface.Canvas;

    /// <summary>Writes the picture as PNG, or nothing.</summary>
    public void Write(string path) => AtomicFile.Write(path, Write);

    /// <summary>Writes the picture as PNG.</summary>
    public void Write(Stream stream)
    {
        using var image = _surface.Snapshot();
        using var png = image.Encode(SKEncodedImageFormat.Png, 100);
        png.SaveTo(stream);
    }

    /// <param name="text">One line.</param>
    /// <param name="x">Left, centre or right end, by <paramref name="align"/>.</param>
    /// <param name="y">Vertical middle of the digits.</param>
    /// <param name="size">Points.</param>
    /// <param name="align">What x means.</param>
    public void Text(string text, float x, float y, float size = 13, SKTextAlign align = SKTextAlign.Left)
    {
        using var font = Font(size);
        using var paint = Fill(Ink);
        Canvas.DrawText(text, x, y + 0.36f * size, align, font, paint);
    }

    /// <summary>Text that runs upwards, centred on a point.</summary>
    public void TextUpwards(string text, float x, float y, float size = 13)
    {
        Canvas.Save();
        Canvas.RotateDegrees(-90, x, y);
        Text(text, x, y, size, SKTextAlign.Center);
        Canvas.Restore();
    }

    public static float Width(string text, float size = 13)
    {
        using var font = Font(size);
        return font.MeasureText(text);
    }

    public void Line(float x0, float y0, float x1, float y1, SKColor color, float width = 1)
    {
        using var paint = Stroke(color, width);
        Canvas.DrawLine(x0, y0, x1, y1, paint);
    }

    public void Frame(SKRect area)
    {
        using var paint = Stroke(Ink, 1);
        Canvas.DrawRect(area, paint);
    }

    public static SKPaint Stroke(SKColor color, float width)
        => new() { Color = color, StrokeWidth = width, Style = SKPaintStyle.Stroke, IsAntialias = true, StrokeJoin = SKStrokeJoin.Round };

    public static SKPaint Fill(SKColor color) => new() { Color = color, Style = SKPaintStyle.Fill, IsAntialias = true };

    public void Dispose() => _surface.Dispose();

    private static SKFont Font(float size) => new(Typeface.Value, size) { Subpixel = true, Edging = SKFontEdging.Antialias };

    private static SKTypeface LoadTypeface()
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("OpenSans-Regular.ttf")!;
        using var data = SKData.Create(stream);
        return SKTypeface.FromData(data) ?? throw new InvalidOperationException("the embedded font cannot be read");
    }
}
