using System.Globalization;
using SkiaSharp;

namespace Codec.Audio.Pictures;

/// <summary>A scale from values to points, linear or logarithmic, with ticks at round numbers.</summary>
internal sealed class Axis
{
    private readonly double _low, _high; // log10 of the values where logarithmic
    private readonly float _start, _end;
    private readonly bool _log;

    /// <param name="low">Least value.</param>
    /// <param name="high">Greatest value; an empty range is widened.</param>
    /// <param name="start">Where the least value lies, points.</param>
    /// <param name="end">Where the greatest lies.</param>
    /// <param name="log">Logarithmic; both values must then be positive.</param>
    public Axis(double low, double high, float start, float end, bool log = false)
    {
        (_start, _end, _log) = (start, end, log);
        (_low, _high) = log ? (Math.Log10(low), Math.Log10(high)) : (low, high);
        if (_high - _low < 1e-9 * Math.Max(1, Math.Abs(_high)))
            (_low, _high) = (_low - 0.5, _high + 0.5);
    }

    /// <summary>Where a value lies, points.</summary>
    public float this[double value]
        => (float)(_start + (_end - _start) * ((_log ? Math.Log10(value) : value) - _low) / (_high - _low));

    /// <summary>Values to mark, each with its label.</summary>
    /// <param name="most">About how many fit.</param>
    public IEnumerable<(double Value, string Label)> Ticks(int most)
        => _log && _high - _low >= 0.7 ? LogTicks(most) : LinearTicks(most);

    /// <summary>Draws ticks and labels below an area, with lines across it where wanted.</summary>
    public void DrawBelow(Sheet sheet, SKRect area, string label, bool grid)
    {
        foreach (var (value, text) in Ticks((int)(area.Width / 70)))
        {
            if (grid)
                sheet.Line(this[value], area.Top, this[value], area.Bottom, Sheet.Grid);
            sheet.Line(this[value], area.Bottom, this[value], area.Bottom + 5, Sheet.Ink);
            sheet.Text(text, this[value], area.Bottom + 15, 12, SKTextAlign.Center);
        }
        sheet.Text(label, area.MidX, area.Bottom + 33, 13, SKTextAlign.Center);
    }

    /// <summary>Draws ticks and labels left of an area.</summary>
    public void DrawLeft(Sheet sheet, SKRect area, string label, bool grid)
    {
        foreach (var (value, text) in Ticks((int)(area.Height / 36)))
        {
            if (grid)
                sheet.Line(area.Left, this[value], area.Right, this[value], Sheet.Grid);
            sheet.Line(area.Left - 5, this[value], area.Left, this[value], Sheet.Ink);
            sheet.Text(text, area.Left - 8, this[value], 12, SKTextAlign.Right);
        }
        sheet.TextUpwards(label, area.Left - 54, area.MidY);
    }

    private IEnumerable<(double, string)> LinearTicks(int most)
    {
        var (low, high) = _log ? (Math.Pow(10, _low), Math.Pow(10, _high)) : (_low, _high);
        var rough = (high - low) / Math.Max(2, most);
        var power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        var step = power * (rough / power) switch { <= 1 => 1, <= 2 => 2, <= 5 => 5, _ => 10 };
        for (var k = Math.Ceiling(low / step - 1e-6); k * step <= high + 1e-6 * step; k++)
            yield return (k * step, Label(k * step, step));
    }

    private IEnumerable<(double, string)> LogTicks(int most)
    {
        var decades = _high - _low;
        var every = Math.Max(1, (int)Math.Ceiling(decades / Math.Max(2, most)));
        double[] steps = decades * 3 <= most ? [1, 2, 5] : [1];
        for (var decade = (int)Math.Floor(_low); decade <= _high; decade += every)
            foreach (var step in steps)
                if (step * Math.Pow(10, decade) is var value && Math.Log10(value) >= _low - 1e-9 && Math.Log10(value) <= _high + 1e-9)
                    yield return (value, Label(value, value));
    }

    // Digits enough to tell neighbouring ticks apart; k for thousands, M for millions, powers of ten beyond.
    private static string Label(double value, double step)
    {
        var magnitude = Math.Max(Math.Abs(value), step);
        if (value == 0)
            return "0";
        if (magnitude is >= 1e9 or < 1e-4)
            return value.ToString("0.##e+0", CultureInfo.InvariantCulture);
        var (unit, suffix) = magnitude switch { >= 1e6 => (1e6, "M"), >= 1e4 => (1e3, "k"), _ => (1.0, "") };
        var decimals = Math.Clamp((int)Math.Ceiling(-Math.Log10(step / unit) - 1e-9), 0, 6);
        return (value / unit).ToString("F" + decimals, CultureInfo.InvariantCulture) + suffix;
    }
}
