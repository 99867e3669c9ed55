using SkiaSharp;

namespace Codec.Audio.Pictures;

/// <summary>A line of a chart; values that are not finite (or not positive on a logarithmic axis) leave gaps.</summary>
/// <param name="Name">In the legend.</param>
/// <param name="X">As many as Y.</param>
/// <param name="Y">Values.</param>
/// <param name="Markers">Dots at the points, for few measured values.</param>
public sealed record PlotSeries(string Name, IReadOnlyList<double> X, IReadOnlyList<double> Y, bool Markers = false);

/// <summary>A chart.</summary>
public sealed record Plot
{
    public string Title { get; init; } = "";

    public string XLabel { get; init; } = "";

    public string YLabel { get; init; } = "";

    public bool LogX { get; init; }

    public bool LogY { get; init; }

    public required IReadOnlyList<PlotSeries> Series { get; init; }
}

/// <summary>Line charts below one another as PNG, with axes, grid and legend.</summary>
public static class PlotImage
{
    private const int PlotWidth = 860, PlotHeight = 300, Left = 84, Right = 30, Top = 44, Bottom = 56;

    // Distinguishable also with the common colour-vision deficiencies (Okabe and Ito, 2008).
    private static readonly SKColor[] Palette =
        [new(0, 114, 178), new(213, 94, 0), new(0, 158, 115), new(204, 121, 167), new(230, 159, 0), new(86, 180, 233), new(90, 90, 90)];

    /// <param name="path">PNG file; appears when complete.</param>
    /// <param name="plots">At least one.</param>
    /// <exception cref="OutputFileException">The file cannot be written.</exception>
    public static void Write(string path, params IReadOnlyList<Plot> plots)
    {
        using var sheet = Draw(plots);
        sheet.Write(path);
    }

    /// <param name="stream">Receives the PNG.</param>
    /// <param name="plots">At least one.</param>
    public static void Write(Stream stream, params IReadOnlyList<Plot> plots)
    {
        using var sheet = Draw(plots);
        sheet.Write(stream);
    }

    private static Sheet Draw(IReadOnlyList<Plot> plots)
    {
        ArgumentOutOfRangeException.ThrowIfZero(plots.Count);
        foreach (var series in plots.SelectMany(p => p.Series))
            if (series.X.Count != series.Y.Count)
                throw new ArgumentException($"series {series.Name}: {series.X.Count} x values for {series.Y.Count} y values", nameof(plots));
        const int Height = Top + PlotHeight + Bottom;
        var sheet = new Sheet(Left + PlotWidth + Right, plots.Count * Height);
        for (var i = 0; i < plots.Count; i++)
            Draw(sheet, plots[i], new SKRect(Left, i * Height + Top, Left + PlotWidth, i * Height + Top + PlotHeight));
        return sheet;
    }

    private static void Draw(Sheet sheet, Plot plot, SKRect area)
    {
        var points = plot.Series.Select(s => s.X.Zip(s.Y).ToArray()).ToArray();
        var shown = points.SelectMany(p => p).Where(p => IsShown(p, plot)).ToArray();
        var x = MakeAxis(shown.Select(p => p.First), area.Left, area.Right, plot.LogX, margin: 0);
        var y = MakeAxis(shown.Select(p => p.Second), area.Bottom, area.Top, plot.LogY, margin: 0.05);
        sheet.Text(plot.Title, area.MidX, area.Top - 22, 15, SKTextAlign.Center);
        x.DrawBelow(sheet, area, plot.XLabel, grid: true);
        y.DrawLeft(sheet, area, plot.YLabel, grid: true);
        sheet.Canvas.Save();
        sheet.Canvas.ClipRect(SKRect.Inflate(area, 4, 4));
        for (var i = 0; i < points.Length; i++)
            DrawLine(sheet, points[i], plot, x, y, Palette[i % Palette.Length], plot.Series[i].Markers);
        sheet.Canvas.Restore();
        sheet.Frame(area);
        if (plot.Series.Count > 1 || plot.Series.Any(s => s.Name.Length > 0 && s.Name != plot.Title))
            DrawLegend(sheet, plot, area);
        if (shown.Length == 0)
            sheet.Text("no values yet", area.MidX, area.MidY, 14, SKTextAlign.Center);
    }

    private static bool IsShown((double X, double Y) p, Plot plot)
        => double.IsFinite(p.X) && double.IsFinite(p.Y) && (p.X > 0 || !plot.LogX) && (p.Y > 0 || !plot.LogY);

    private static Axis MakeAxis(IEnumerable<double> values, float start, float end, bool log, double margin)
    {
        var (low, high) = (double.MaxValue, double.MinValue);
        foreach (var value in values)
            (low, high) = (Math.Min(low, value), Math.Max(high, value));
        if (low > high)
            return new Axis(log ? 0.1 : 0, 1, start, end, log);
        var room = log ? Math.Pow(high / low, margin) : (high - low) * margin;
        return log ? new Axis(low / room, high * room, start, end, true) : new Axis(low - room, high + room, start, end);
    }

    private static void DrawLine(Sheet sheet, (double, double)[] points, Plot plot, Axis x, Axis y, SKColor color, bool markers)
    {
        using var path = new SKPath();
        using var stroke = Sheet.Stroke(color, 1.8f);
        using var fill = Sheet.Fill(color);
        var (pen, neighbours) = (false, false);
        for (var i = 0; i < points.Length; i++)
        {
            var (px, py) = points[i];
            if (!IsShown((px, py), plot))
            {
                pen = false;
                continue;
            }
            neighbours = pen || (i + 1 < points.Length && IsShown(points[i + 1], plot));
            if (pen)
                path.LineTo(x[px], y[py]);
            else
                path.MoveTo(x[px], y[py]);
            if (markers || !neighbours) // a lone point would be invisible
                sheet.Canvas.DrawCircle(x[px], y[py], 3.5f, fill);
            pen = true;
        }
        sheet.Canvas.DrawPath(path, stroke);
    }

    private static void DrawLegend(Sheet sheet, Plot plot, SKRect area)
    {
        var width = plot.Series.Max(s => Sheet.Width(s.Name, 12)) + 44;
        var box = new SKRect(area.Right - width - 8, area.Top + 8, area.Right - 8, area.Top + 16 + 18 * plot.Series.Count);
        using var back = Sheet.Fill(SKColors.White.WithAlpha(225));
        sheet.Canvas.DrawRect(box, back);
        for (var i = 0; i < plot.Series.Count; i++)
        {
            var y = box.Top + 13 + 18 * i;
            sheet.Line(box.Left + 6, y, box.Left + 30, y, Palette[i % Palette.Length], 2.5f);
            sheet.Text(plot.Series[i].Name, box.Left + 36, y, 12);
        }
    }
}
