using Codec.Audio;
using Codec.Audio.Dsp;
using SkiaSharp;

namespace Codec.Evaluation.Reports;

/// <summary>Pictures and sounds that fit into a page: PNG and WAV as data addresses.</summary>
internal static class EmbeddedMedia
{
    private const int Height = 128, WidthLimit = 420;
    private const double RangeDecibels = 80;

    /// <summary>Spectrogram of the first channel, 0 Hz at the bottom, 80 dB below full scale black.</summary>
    public static string Spectrogram(AudioBuffer audio)
    {
        var signal = Array.ConvertAll(audio.Channel(0), x => (double)x);
        if (signal.Length < 512)
            return "";
        var picture = Codec.Audio.Dsp.Spectrogram.Power(signal, 512, Math.Max(128, signal.Length / WidthLimit));
        using var bitmap = new SKBitmap(picture.Frames, Height);
        for (var t = 0; t < picture.Frames; t++)
        {
            var frame = picture.Frame(t);
            for (var y = 0; y < Height; y++)
            {
                var bin = (Height - 1 - y) * 2 + 1;
                var decibels = 10 * Math.Log10(Math.Max(frame[bin], frame[bin + 1]) + 1e-12) - 42; // full-scale sine through a Hann window of 512: 42 dB
                bitmap.SetPixel(t, y, Colour(Math.Clamp(1 + decibels / RangeDecibels, 0, 1)));
            }
        }
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return "data:image/png;base64," + Convert.ToBase64String(data.AsSpan());
    }

    /// <summary>16-bit WAV.</summary>
    public static string Wav(AudioBuffer audio)
    {
        using var stream = new MemoryStream();
        using (var writer = AudioFile.OpenWrite(stream, audio.SampleRate, audio.Channels, length: audio.Length))
        {
            writer.Write(audio);
            writer.Complete();
        }
        return "data:audio/wav;base64," + Convert.ToBase64String(stream.ToArray());
    }

    /// <summary>Black through purple and orange to pale yellow, ever lighter.</summary>
    private static SKColor Colour(double v)
    {
        (double At, int R, int G, int B)[] stops = [(0, 0, 0, 4), (0.25, 66, 10, 104), (0.5, 147, 38, 103), (0.7, 221, 81, 58), (0.87, 252, 165, 10), (1, 252, 255, 164)];
        var i = 1;
        while (v > stops[i].At && i < stops.Length - 1)
            i++;
        var (a, b) = (stops[i - 1], stops[i]);
        var u = (v - a.At) / (b.At - a.At);
        return new SKColor((byte)(a.R + u * (b.R - a.R)), (byte)(a.G + u * (b.G - a.G)), (byte)(a.B + u * (b.B - a.B)));
    }
}
