namespace Codec.Core.Files;

/// <summary>What was compressed.</summary>
/// <param name="Samples">Per channel, at the audio's rate.</param>
/// <param name="SampleRate">Hz of the audio.</param>
/// <param name="Channels">Of the audio.</param>
/// <param name="Books">Kept.</param>
/// <param name="Frames">Base frames of the codec.</param>
/// <param name="Bytes">Of the file, with all overhead.</param>
/// <param name="Warnings">What was odd about the audio file, or about how it had to be coded.</param>
public sealed record CompressionReport(long Samples, int SampleRate, int Channels, int Books, long Frames, long Bytes, IReadOnlyList<string> Warnings)
{
    /// <summary>Length of the audio.</summary>
    public double Seconds => (double)Samples / SampleRate;

    /// <summary>Of the file, with all overhead; 0 for no audio.</summary>
    public double KilobitsPerSecond => Samples == 0 ? 0 : Bytes * 8 / Seconds / 1000;

    /// <summary>Bytes of 16-bit PCM over bytes of the file.</summary>
    public double Ratio => Samples * Channels * 2.0 / Bytes;
}

/// <summary>A stretch of a recording.</summary>
public readonly record struct TimeRange(TimeSpan Start, TimeSpan End)
{
    /// <summary>From the start to the end, wherever that is.</summary>
    public static TimeRange All { get; } = new(TimeSpan.Zero, TimeSpan.MaxValue);
}

/// <summary>What was decompressed.</summary>
/// <param name="Samples">Per channel, at the rate of the output.</param>
/// <param name="Frames">Base frames of the codec, lost ones included.</param>
/// <param name="LostFrames">Base frames that could not be read and were concealed.</param>
/// <param name="Truncated">The file ends without its trailer: the end of the audio may be missing.</param>
/// <param name="Lost">Where the lost frames are, in order and joined.</param>
public sealed record DecompressionReport(long Samples, long Frames, long LostFrames, bool Truncated, IReadOnlyList<TimeRange> Lost);
