using System.Globalization;
using System.Net;
using System.Text;

namespace Codec.Evaluation.Reports;

/// <summary>A point of a chart with its interval.</summary>
internal sealed record ChartPoint(double X, double Y, double Low, double High, string Tip);

/// <summary>Points that are joined, or only marked where hollow.</summary>
internal sealed record ChartSeries(string Name, string Colour, IReadOnlyList<ChartPoint> Points, bool Joined = true, bool Hollow = false);

/// <summary>Charts as inline SVG.</summary>
internal static class Svg
{
    private const int Width = 570, Height = 340, Left = 52, Right = 112, Top = 18, Bottom = 42;

    /// <summary>Curves over a logarithmic axis of kbit/s, with intervals; every curve is labelled at its end.</summary>
    public static string RateChart(string label, bool higherIsBetter, IReadOnlyList<ChartSeries> series, double? best)
    {
        var points = series.SelectMany(s => s.Points).ToArray();
        if (points.Length == 0)
            return "";
        var (x0, x1) = (points.Min(p => p.X) / 1.15, points.Max(p => p.X) * 1.15);
        var (low, high) = (points.Min(p => p.Low), points.Max(p => p.High));
        var pad = Math.Max(1e-6, (high - low) * 0.06);
        (low, high) = (low - pad, high + pad);
        if (best is { } top && top >= low && top < high)
            high = top;
        double X(double v) => Left + (Math.Log(v) - Math.Log(x0)) / (Math.Log(x1) - Math.Log(x0)) * (Width - Left - Right);
        double Y(double v) => Top + (high - v) / (high - low) * (Height - Top - Bottom);
        var svg = Open();
        foreach (var tick in RateTicks(x0, x1))
            svg.Append(Line(X(tick), Top, X(tick), Height - Bottom, "grid")).Append(Text(X(tick), Height - Bottom + 15, Number(tick), "middle"));
        foreach (var tick in Ticks(low, high))
            svg.Append(Line(Left, Y(tick), Width - Right, Y(tick), "grid")).Append(Text(Left - 6, Y(tick) + 4, Number(tick), "end"));
        svg.Append(Text((Left + Width - Right) / 2.0, Height - 6, "kbit/s on disk (logarithmic)", "middle"));
        svg.Append(Text(Left, 12, label + (higherIsBetter ? "  (up is better)" : "  (down is better)"), "start", "axis"));
        foreach (var s in series)
            Curve(svg, s, X, Y);
        Labels(svg, series, X, Y);
        return svg.Append("</svg>").ToString();
    }

    /// <summary>A cloud of points with linear axes.</summary>
    /// <param name="labelX">Below.</param>
    /// <param name="labelY">Above.</param>
    /// <param name="series">Points.</param>
    /// <param name="radius">Of a point.</param>
    public static string Scatter(string labelX, string labelY, IReadOnlyList<ChartSeries> series, double radius = 2.6)
    {
        var points = series.SelectMany(s => s.Points).ToArray();
        if (points.Length == 0)
            return "";
        var (x0, x1, y0, y1) = (points.Min(p => p.X), points.Max(p => p.X), points.Min(p => p.Y), points.Max(p => p.Y));
        var (padX, padY) = ((x1 - x0) * 0.03, (y1 - y0) * 0.03);
        (x0, x1, y0, y1) = (x0 - padX, x1 + padX, y0 - padY, y1 + padY);
        double X(double v) => Left + (v - x0) / Math.Max(1e-9, x1 - x0) * (Width - Left - Right);
        double Y(double v) => Top + (y1 - v) / Math.Max(1e-9, y1 - y0) * (Height - Top - Bottom);
        var svg = Open();
        foreach (var tick in Ticks(x0, x1))
            svg.Append(Line(X(tick), Top, X(tick), Height - Bottom, "grid")).Append(Text(X(tick), Height - Bottom + 15, Number(tick), "middle"));
        foreach (var tick in Ticks(y0, y1))
            svg.Append(Line(Left, Y(tick), Width - Right, Y(tick), "grid")).Append(Text(Left - 6, Y(tick) + 4, Number(tick), "end"));
        svg.Append(Text((Left + Width - Right) / 2.0, Height - 6, labelX, "middle")).Append(Text(Left, 12, labelY, "start", "axis"));
        foreach (var s in series)
            foreach (var p in s.Points)
                svg.Append(CultureInfo.InvariantCulture, $"<circle cx='{X(p.X):0.#}' cy='{Y(p.Y):0.#}' r='{radius}' fill='{s.Colour}' fill-opacity='{(radius > 3 ? .85 : .55)}'><title>{Escape(p.Tip)}</title></circle>");
        for (var i = 0; i < series.Count; i++)
            svg.Append(CultureInfo.InvariantCulture, $"<circle cx='{Width - Right + 12}' cy='{Top + 8 + 16 * i}' r='4' fill='{series[i].Colour}'/>")
                .Append(Text(Width - Right + 20, Top + 12 + 16 * i, series[i].Name, "start"));
        return svg.Append("</svg>").ToString();
    }

    private static StringBuilder Open() => new(FormattableString.Invariant($"<svg viewBox='0 0 {Width} {Height}' role='img'>"));

    private static void Curve(StringBuilder svg, ChartSeries s, Func<double, double> x, Func<double, double> y)
    {
        if (s.Joined && s.Points.Count > 1)
            svg.Append(CultureInfo.InvariantCulture, $"<polyline fill='none' stroke='{s.Colour}' stroke-width='{(s.Hollow ? 1 : 2.2)}'{(s.Hollow ? " stroke-dasharray='3 4'" : "")} points='{string.Join(' ', s.Points.Select(p => FormattableString.Invariant($"{x(p.X):0.#},{y(p.Y):0.#}")))}'/>");
        foreach (var p in s.Points)
        {
            if (p.High > p.Low)
                svg.Append(CultureInfo.InvariantCulture, $"<line x1='{x(p.X):0.#}' x2='{x(p.X):0.#}' y1='{y(p.Low):0.#}' y2='{y(p.High):0.#}' stroke='{s.Colour}' stroke-width='5' stroke-opacity='.28'/>");
            svg.Append(CultureInfo.InvariantCulture, $"<circle cx='{x(p.X):0.#}' cy='{y(p.Y):0.#}' r='{(s.Hollow ? 3 : 4)}' {(s.Hollow ? "class='hollow'" : $"fill='{s.Colour}'")} stroke='{s.Colour}'><title>{Escape(p.Tip)}</title></circle>");
        }
    }

    /// <summary>Names at the ends of the curves, pushed apart where they would overlap: beside the chart, or within it where a curve ends early.</summary>
    private static void Labels(StringBuilder svg, IReadOnlyList<ChartSeries> series, Func<double, double> x, Func<double, double> y)
    {
        const double spacing = 13;
        var last = double.NegativeInfinity;
        var inside = new List<(double X, double Y)>();
        var placed = series.Where(s => s.Points.Count > 0).Select(s => (Series: s, End: s.Points.MaxBy(p => p.X)!)).OrderBy(l => y(l.End.Y)).ToArray();
        foreach (var (s, end) in placed)
        {
            if (x(end.X) < Left + 0.7 * (Width - Left - Right))
            {
                var (left, line) = (x(end.X) + 8, y(end.Y) - 6);
                while (inside.Any(p => Math.Abs(p.X - left) < 60 && Math.Abs(p.Y - line) < spacing))
                    line += 2;
                inside.Add((left, line));
                svg.Append(CultureInfo.InvariantCulture, $"<text x='{left:0.#}' y='{line:0.#}' style='fill:{s.Colour}' font-weight='600'>{Escape(s.Name)}</text>");
                continue;
            }
            var at = Math.Max(y(end.Y) + 4, last + spacing);
            last = at;
            svg.Append(CultureInfo.InvariantCulture, $"<line x1='{x(end.X) + 5:0.#}' y1='{y(end.Y):0.#}' x2='{Width - Right + 4}' y2='{at - 4:0.#}' stroke='{s.Colour}' stroke-opacity='.35'/>");
            svg.Append(CultureInfo.InvariantCulture, $"<text x='{Width - Right + 7}' y='{at:0.#}' style='fill:{s.Colour}' font-weight='{(s.Hollow ? 400 : 600)}'>{Escape(s.Name)}</text>");
        }
    }

    private static string Line(double x1, double y1, double x2, double y2, string kind)
        => FormattableString.Invariant($"<line class='{kind}' x1='{x1:0.#}' y1='{y1:0.#}' x2='{x2:0.#}' y2='{y2:0.#}'/>");

    private static string Text(double x, double y, string text, string anchor, string kind = "")
        => FormattableString.Invariant($"<text class='{kind}' x='{x:0.#}' y='{y:0.#}' text-anchor='{anchor}'>{Escape(text)}</text>");

    private static IEnumerable<double> RateTicks(double low, double high)
        => new[] { 0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 256, 512 }.Where(t => t >= low && t <= high);

    private static IEnumerable<double> Ticks(double low, double high)
    {
        var step = Math.Pow(10, Math.Floor(Math.Log10((high - low) / 4)));
        foreach (var factor in (double[])[1, 2, 5, 10])
            if ((high - low) / (step * factor) <= 7)
            {
                step *= factor;
                break;
            }
        if (!(step > 0) || double.IsInfinity(step))
            yield break; // all points share one value
        for (var v = Math.Ceiling(low / step) * step; v <= high + step * 1e-9; v += step)
            yield return Math.Abs(v) < step * 1e-6 ? 0 : v;
    }

    private static string Number(double value) => value.ToString("0.####", CultureInfo.InvariantCulture);

    public static string Escape(string text) => WebUtility.HtmlEncode(text);
}
