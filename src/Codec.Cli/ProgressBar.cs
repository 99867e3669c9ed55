using System.Globalization;

namespace Codec.Cli;

/// <summary>One line that is drawn again and again, a few times a second, and leaves nothing behind.</summary>
internal sealed class ProgressBar(TextWriter writer, string label, double? total, TimeProvider time, string? unit = null) : IProgress<TimeSpan>, IDisposable
{
    private const int Width = 24;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private readonly long _start = time.GetTimestamp();
    private long _drawn;
    private int _length;

    /// <param name="value">Audio done so far.</param>
    public void Report(TimeSpan value) => Report(value.TotalSeconds);

    /// <param name="done">Seconds of audio, or other units, done so far.</param>
    public void Report(double done)
    {
        if (writer == TextWriter.Null || time.GetElapsedTime(_drawn) < Pause)
            return;
        _drawn = time.GetTimestamp();
        Draw(Line(done, time.GetElapsedTime(_start)));
    }

    public void Clear() => Draw("");

    public void Dispose() => Clear();

    internal string Line(double done, TimeSpan elapsed)
    {
        var speed = elapsed.TotalSeconds > 0 ? done / elapsed.TotalSeconds : 0;
        var name = label.Length > 32 ? "..." + label[^29..] : label;
        if (total is not > 0)
            return string.Create(CultureInfo.InvariantCulture, $"{name}  {done:0} {unit ?? "s"}{(unit is null ? $"  {speed:0.0}x" : "")}");
        var part = Math.Clamp(done / total.Value, 0, 1);
        var filled = (int)(part * Width);
        var left = TimeSpan.FromSeconds(speed > 0 ? Math.Max(0, total.Value - done) / speed : 0);
        return string.Create(CultureInfo.InvariantCulture,
            $"{name}  [{new string('#', filled)}{new string('.', Width - filled)}] {part:P0}  {(unit is null ? $"{speed:0.0}x" : $"{done:0} of {total:0} {unit}")}  {(int)left.TotalMinutes}:{left.Seconds:00} left");
    }

    private void Draw(string line)
    {
        if (writer == TextWriter.Null || (line.Length == 0 && _length == 0))
            return;
        writer.Write('\r' + line.PadRight(_length) + (line.Length == 0 ? "\r" : ""));
        writer.Flush();
        _length = line.Length;
    }
}
