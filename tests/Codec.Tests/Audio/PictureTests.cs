using Codec.Audio;
using Codec.Audio.Pictures;
using SkiaSharp;

namespace Codec.Tests.Audio;

public class PictureTests
{
    [Fact]
    public void A_tone_is_a_bright_line_at_its_frequency()
    {
        const int Rate = 16000;
        var tone = Enumerable.Range(0, Rate).Select(n => 0.5f * MathF.Sin(2 * MathF.PI * 2000 * n / Rate)).ToArray();
        using var picture = Decode(s => SpectrogramImage.Write(s, new SpectrogramPanel("2 kHz", tone, Rate)));
        var column = Enumerable.Range(35, 198).Select(y => Brightness(picture.GetPixel(76 + 450, y))).ToArray();
        var row = Array.IndexOf(column, column.Max()) + 35;
        Assert.InRange(row, 34 + 147, 34 + 153); // 2 of 8 kHz, 200 points high
        Assert.True(column.Max() > 200 && column.Min() < 30, $"{column.Min()} to {column.Max()}");
    }

    [Fact]
    public void Panels_share_one_time_axis_and_text_appears_without_installed_fonts()
    {
        var tone = Enumerable.Range(0, 16000).Select(n => MathF.Sin(n)).ToArray();
        using var picture = Decode(s => SpectrogramImage.Write(s,
            new SpectrogramPanel("long", new AudioBuffer(tone, 16000)), new SpectrogramPanel("half as long", tone.AsMemory(0, 8000), 16000)));
        Assert.Equal(2 * 200 + 34 + 40 + 52, picture.Height);
        Assert.True(Dark(picture, new SKRectI(76, 10, 120, 32)) > 20, "no title");
        Assert.True(Dark(picture, new SKRectI(30, 34, 70, 240)) > 40, "no frequency labels");
        Assert.Equal(new SKColor(0xF4, 0xF4, 0xF4), picture.GetPixel(76 + 700, 34 + 240 + 100)); // past the end of the shorter one
    }

    [Fact]
    public void Shortest_signals_still_make_a_picture()
    {
        using var picture = Decode(s => SpectrogramImage.Write(s, new SpectrogramPanel("", new float[1], 16000), new SpectrogramPanel("", Array.Empty<float>(), 48000)));
        Assert.True(picture.Width > 900);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_rising_line_rises_and_a_gap_stays_a_gap(bool log)
    {
        var x = Enumerable.Range(1, 1000).Select(i => (double)i).ToArray();
        var y = x.Select(v => v is > 400 and < 600 ? double.NaN : v).ToArray();
        using var picture = Decode(s => PlotImage.Write(s, new Plot { Series = [new("line", x, y)], LogX = log, LogY = log }));
        var heights = new[] { 0.05, 0.3, 0.95 }.Select(f => Height(picture, (int)(84 + 860 * f))).ToArray();
        Assert.True(heights[0] > heights[1] && heights[1] > heights[2] && heights[2] > 0, string.Join(' ', heights));
        var middle = log ? 84 + (int)(860 * Math.Log10(500) / 3) : 84 + 430;
        Assert.Equal(-1, Height(picture, middle));
    }

    [Fact]
    public void Charts_without_values_and_with_one_value_are_drawn()
    {
        using var picture = Decode(s => PlotImage.Write(s,
            new Plot { Title = "nothing", Series = [new("empty", [], [])] },
            new Plot { Title = "not positive", LogY = true, Series = [new("zeros", [1, 2], [0, -1])] },
            new Plot { Title = "one", Series = [new("point", [3], [3])] }));
        Assert.Equal(3 * 400, picture.Height);
        Assert.Throws<ArgumentException>(() => PlotImage.Write(new MemoryStream(), new Plot { Series = [new("odd", [1], [1, 2])] }));
    }

    private static SKBitmap Decode(Action<Stream> write)
    {
        var stream = new MemoryStream();
        write(stream);
        stream.Position = 0;
        return SKBitmap.Decode(stream);
    }

    private static int Brightness(SKColor c) => (c.Red + c.Green + c.Blue) / 3;

    private static int Dark(SKBitmap picture, SKRectI area)
    {
        var count = 0;
        for (var y = area.Top; y < area.Bottom; y++)
            for (var x = area.Left; x < area.Right; x++)
                count += Brightness(picture.GetPixel(x, y)) < 128 ? 1 : 0;
        return count;
    }

    // The row of the first series' blue in a column inside the chart, or -1.
    private static int Height(SKBitmap picture, int x)
    {
        for (var y = 46; y < 342; y++)
            if (picture.GetPixel(x, y) is { Blue: > 140, Red: < 90 })
                return y;
        return -1;
    }
}
