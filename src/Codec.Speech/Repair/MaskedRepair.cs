using Codec.Core;
using Codec.Core.Bitstream;
using Codec.Core.Codecs.Native;
using Codec.Core.Concealment;

namespace Codec.Speech.Repair;

/// <summary>Fills gaps of damaged files with what a masked model expects there; far from everything known it fades into silence.</summary>
/// <param name="codec">The one that made the codes.</param>
/// <param name="model">Gives the model, of kind <see cref="RepairKind.Masked"/>: called when the first gap comes, since few files have one.</param>
public sealed class MaskedRepair(NativeCodec codec, Func<RepairModel> model) : ILostFrameRepair
{
    // Speech cannot be told from its surroundings beyond a tenth of a second; past that the model murmurs.
    private const int CertainFrames = 5, FadeFrames = 10;

    private LatentRepair? _repair;

    public int ContextFrames => StreamingRepair.ContextFrames;

    public int LongestGap => 2 * (CertainFrames + FadeFrames);

    /// <inheritdoc/>
    public FilledFrames Fill(LostFrames gap)
    {
        if (!gap.Books.SequenceEqual(codec.Info.Books.Take(gap.Books.Count)) && !VariableBooks.Are(gap.Books, codec.Info.Books))
            throw new ArgumentException($"expected books of {codec.Info.Name}", nameof(gap));
        var pieces = new[] { gap.Before, gap.NewCodes(), gap.After }.OfType<Codes>().Select(codes => codes.WithSegments(null)).ToArray();
        var start = gap.Before?.Frames ?? 0;
        var joined = Codes.Concat(pieces);
        _repair ??= new LatentRepair(codec, model());
        var filled = _repair.Restore(joined, Enumerable.Range(0, joined.Frames).Select(t => t >= start && t < start + gap.Frames).ToArray());
        return new FilledFrames(filled.Slice(start, gap.Frames), [.. Enumerable.Range(0, gap.Frames).Select(t => Gain(gap, t))]);
    }

    private static float Gain(LostFrames gap, int t)
    {
        var before = gap.Before is null ? int.MaxValue : t + 1;
        var after = gap.After is null ? int.MaxValue : gap.Frames - 1 - t; // the gain is the one reached at the frame's end
        return Math.Clamp(1 - (float)(Math.Min(before, after) - CertainFrames) / FadeFrames, 0, 1);
    }
}
