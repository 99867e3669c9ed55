namespace Codec.Core.Files;

/// <summary>
/// How long audio is cut for a codec. A causal one streams: cutting changes nothing. Another gets windows with context
/// on both sides; the windows lie on a fixed grid, so the result does not depend on how the audio arrives, and what fits
/// one window is coded in one piece. Windows are longer for a codec whose layers see the whole signal, because there cutting is heard.
/// </summary>
/// <param name="Frames">Base frames per block, a multiple of all strides.</param>
/// <param name="Context">Base frames on either side, for a codec that is not causal.</param>
/// <param name="Grain">Of what windows and contexts are multiples.</param>
internal readonly record struct BlockPlan(int Frames, int Context, int Grain = 1)
{
    /// <summary>Whole segments per block, for a codec that codes segments one by one.</summary>
    public int Segments => 10;

    private const double WindowSeconds = 10, ContextSeconds = 1;
    private const double WholeSeconds = 120, WholeContextSeconds = 5; // attention over all frames takes the square of them

    // Local attention and windowed layers of published codecs work on grids of up to this many coarse frames.
    private const int Grid = 64;

    public static BlockPlan For(CodecInfo info)
    {
        var stride = info.Books.Select(book => book.Stride).Aggregate(1, LeastCommonMultiple);
        var (window, context) = info.SeesWholeSignal ? (WholeSeconds, WholeContextSeconds) : (WindowSeconds, ContextSeconds);
        return info.Causal
            ? new BlockPlan(RoundUp(info.FrameRate * info.PieceSeconds, stride), 0)
            : new BlockPlan(RoundUp(info.FrameRate * window, stride * Grid), RoundUp(info.FrameRate * context, stride * Grid), stride * Grid);
    }

    /// <summary>What a user should know of how a recording is cut.</summary>
    public static IEnumerable<string> Notices(CodecInfo info, long samples, int sampleRate)
    {
        var window = For(info).Frames / info.FrameRate;
        if (info is { SeesWholeSignal: true, Causal: false } && samples > window * sampleRate)
            yield return FormattableString.Invariant($"{info.Name} computes with the whole recording at once; beyond {window:0} s it is coded in overlapping windows, which is not the same");
    }

    private static int RoundUp(double frames, int step) => checked((int)Math.Ceiling(frames / step) * step);

    private static int LeastCommonMultiple(int a, int b)
        => checked(a / (int)System.Numerics.BigInteger.GreatestCommonDivisor(a, b) * b);
}
