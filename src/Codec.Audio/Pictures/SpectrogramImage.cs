using Codec.Audio.Dsp;
using SkiaSharp;

namespace Codec.Audio.Pictures;

/// <summary>One signal to picture.</summary>
/// <param name="Title">Above its spectrogram.</param>
/// <param name="Samples">One channel.</param>
/// <param name="SampleRate">Hz.</param>
public sealed record SpectrogramPanel(string Title, ReadOnlyMemory<float> Samples, int SampleRate)
{
    /// <summary>The mean of all channels of a buffer.</summary>
    public SpectrogramPanel(string title, AudioBuffer audio) : this(title, audio.ToMono().Channel(0), audio.SampleRate) { }
}

/// <summary>
/// Spectrograms below one another as PNG, on one time axis, one frequency axis and one colour scale,
/// so that an original and its copies can be compared by eye.
/// </summary>
public static class SpectrogramImage
{
    private const int PanelWidth = 900, PanelHeight = 200, Left = 76, Right = 84, Top = 34, Gap = 40, Bottom = 52;
    private const double RangeDecibels = 80, WindowSeconds = 0.025;

    /// <param name="path">PNG file; appears when complete.</param>
    /// <param name="panels">At least one.</param>
    /// <exception cref="OutputFileException">The file cannot be written.</exception>
    public static void Write(string path, params IReadOnlyList<SpectrogramPanel> panels)
    {
        using var sheet = Draw(panels);
        sheet.Write(path);
    }

    /// <param name="stream">Receives the PNG.</param>
    /// <param name="panels">At least one.</param>
    public static void Write(Stream stream, params IReadOnlyList<SpectrogramPanel> panels)
    {
        using var sheet = Draw(panels);
        sheet.Write(stream);
    }

    private static Sheet Draw(IReadOnlyList<SpectrogramPanel> panels)
    {
        ArgumentOutOfRangeException.ThrowIfZero(panels.Count);
        var seconds = Math.Max(0.01, panels.Max(p => (double)p.Samples.Length / p.SampleRate));
        var nyquist = panels.Max(p => p.SampleRate) / 2.0;
        var spectra = panels.Select(p => Decibels(p, seconds)).ToArray();
        var loudest = spectra.Max(s => s.Values.Length == 0 ? -100 : s.Values.Max());
        var sheet = new Sheet(Left + PanelWidth + Right, Top + panels.Count * (PanelHeight + Gap) - Gap + Bottom);
        for (var i = 0; i < panels.Count; i++)
        {
            var top = Top + i * (PanelHeight + Gap);
            var area = new SKRect(Left, top, Left + PanelWidth, top + PanelHeight);
            var (time, frequency) = (new Axis(0, seconds, area.Left, area.Right), new Axis(0, nyquist / 1000, area.Bottom, area.Top));
            sheet.Text(panels[i].Title, area.Left, area.Top - 14, 14);
            Paint(sheet, area, panels[i], spectra[i], loudest, seconds, nyquist);
            sheet.Frame(area);
            frequency.DrawLeft(sheet, area, "kHz", grid: false);
            if (i == panels.Count - 1)
                time.DrawBelow(sheet, area, "seconds", grid: false);
        }
        DrawScale(sheet, panels.Count, loudest);
        return sheet;
    }

    // dB per column and bin; about one column per point, whatever the length.
    private static Spectrogram Decibels(SpectrogramPanel panel, double seconds)
    {
        var window = Math.Max(64, Fft.PowerOfTwo((int)(panel.SampleRate * WindowSeconds)));
        var hop = Math.Max(1, (int)(panel.SampleRate * seconds / PanelWidth));
        var signal = new double[Math.Max(panel.Samples.Length, window)];
        for (var i = 0; i < panel.Samples.Length; i++)
            signal[i] = panel.Samples.Span[i];
        var spectrum = Spectrogram.Power(signal, window, hop);
        for (var i = 0; i < spectrum.Values.Length; i++)
            spectrum.Values[i] = 10 * Math.Log10(Math.Max(spectrum.Values[i], 1e-12));
        return spectrum;
    }

    private static void Paint(Sheet sheet, SKRect area, SpectrogramPanel panel, Spectrogram spectrum, double loudest, double seconds, double nyquist)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(PanelWidth, PanelHeight, SKColorType.Rgba8888, SKAlphaType.Opaque));
        bitmap.Erase(new SKColor(0xF4, 0xF4, 0xF4)); // beyond the signal's end and band
        var hop = Math.Max(1, (int)(panel.SampleRate * seconds / PanelWidth));
        var end = (double)panel.Samples.Length / panel.SampleRate;
        for (var x = 0; x < PanelWidth; x++)
        {
            var time = (x + 0.5) * seconds / PanelWidth;
            if (time >= end)
                break;
            var frame = spectrum.Frame(Math.Min(spectrum.Frames - 1, (int)Math.Round(time * panel.SampleRate / hop)));
            for (var y = 0; y < PanelHeight; y++)
            {
                var bin = (PanelHeight - y - 0.5) / PanelHeight * nyquist / (panel.SampleRate / 2.0) * (spectrum.Bins - 1);
                if (bin <= spectrum.Bins - 1)
                    bitmap.SetPixel(x, y, ColorMap.At(1 + (frame[(int)Math.Round(bin)] - loudest) / RangeDecibels));
            }
        }
        sheet.Canvas.DrawBitmap(bitmap, area.Left, area.Top);
    }

    private static void DrawScale(Sheet sheet, int panels, double loudest)
    {
        var area = new SKRect(Left + PanelWidth + 18, Top, Left + PanelWidth + 32, Top + panels * (PanelHeight + Gap) - Gap);
        for (var y = area.Top; y < area.Bottom; y++)
            sheet.Line(area.Left, y + 0.5f, area.Right, y + 0.5f, ColorMap.At((area.Bottom - y) / area.Height));
        sheet.Frame(area);
        var axis = new Axis(-RangeDecibels, 0, area.Bottom, area.Top);
        foreach (var (value, label) in axis.Ticks((int)(area.Height / 40)))
            sheet.Text(label, area.Right + 6, axis[value], 12);
        sheet.Text("dB", area.MidX, area.Top - 14, 12, SKTextAlign.Center);
    }
}
