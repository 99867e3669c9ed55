namespace Codec.Core.Concealment;

/// <summary>
/// Repair without a model: the last good frames are played back and forth and fade out; the first good frames after the gap are
/// played in the same way towards it and fade in, which also gives the decoder's memory something like what it lost.
/// </summary>
/// <param name="frameRate">Base frames per second.</param>
public sealed class RepeatAndFade(double frameRate) : ILostFrameRepair
{
    // Speech is steady for some tens of milliseconds; what is repeated for longer is heard as a buzz.
    private const double RepeatedSeconds = 0.06, FadeOutSeconds = 0.16, FadeInSeconds = 0.04;

    public int ContextFrames { get; } = Frames(frameRate, RepeatedSeconds);

    public int LongestGap { get; } = Frames(frameRate, FadeOutSeconds) + Frames(frameRate, FadeInSeconds);

    public FilledFrames Fill(LostFrames gap)
    {
        var codes = gap.NewCodes();
        var (fadeOut, fadeIn) = (Frames(frameRate, FadeOutSeconds), gap.After is null ? 0 : Math.Min(Frames(frameRate, FadeInSeconds), gap.Frames));
        var turn = gap.Before is null ? 0 : gap.After is null ? gap.Frames : gap.Frames - Math.Min(fadeIn, gap.Frames / 2);
        for (var book = 0; book < codes.Books; book++)
            for (var stream = 0; stream < gap.Streams; stream++)
                Fill(codes[book, stream], gap, book, stream, turn / gap.Books[book].Stride);
        var gains = new float[gap.Frames];
        for (var t = 0; t < gap.Frames; t++)
        {
            var falling = gap.Before is null ? 0 : 1 - (t + 1f) / fadeOut;
            var rising = fadeIn == 0 ? 0 : 1 - (gap.Frames - t - 1f) / fadeIn;
            gains[t] = Math.Clamp(Math.Max(falling, rising), 0, 1);
        }
        return new FilledFrames(codes, gains);
    }

    private static void Fill(Span<int> target, LostFrames gap, int book, int stream, int turn)
    {
        var before = gap.Before is null ? [] : gap.Before[book, stream];
        var after = gap.After is null ? [] : gap.After[book, stream];
        for (var t = 0; t < target.Length; t++)
            if (before.Length > 0 && (t < turn || after.Length == 0))
                target[t] = before[before.Length - 1 - Mirrored(t, before.Length)];
            else if (after.Length > 0)
                target[t] = after[Mirrored(target.Length - 1 - t, after.Length)];
    }

    /// <summary>0 1 2 2 1 0 0 1 2 ... for a length of 3.</summary>
    private static int Mirrored(int t, int length)
    {
        var place = t % (2 * length);
        return place < length ? place : 2 * length - 1 - place;
    }

    private static int Frames(double frameRate, double seconds) => Math.Max(1, (int)Math.Round(frameRate * seconds));
}
