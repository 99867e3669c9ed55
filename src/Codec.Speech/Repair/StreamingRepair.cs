using Codec.Core;

namespace Codec.Speech.Repair;

/// <summary>
/// Restores lost packets of one stream as it runs. A frame is made up from what is there when it must be handed out, and from that alone:
/// the result does not depend on how frames are pushed. Not thread-safe.
/// </summary>
/// <param name="repair">With a model of kind <see cref="RepairKind.Masked"/>.</param>
/// <param name="books">Of the codes.</param>
/// <param name="lookAhead">Frames that the stream waits for what comes after a gap; 0 adds no delay.</param>
public sealed class StreamingRepair(LatentRepair repair, IReadOnlyList<CodebookSpec> books, int lookAhead)
{
    /// <summary>Frames before a lost one that are looked at: more cost time and tell little.</summary>
    public const int ContextFrames = 64;

    private readonly List<Codes> _frames = []; // one each
    private readonly List<bool> _lost = [];
    private int _ready; // of _frames handed out already

    /// <summary>Takes received frames.</summary>
    /// <param name="codes">One batch item.</param>
    /// <returns>Frames that are ready; null for none.</returns>
    public Codes? Push(Codes codes)
    {
        for (var t = 0; t < codes.Frames; t++)
            Add(codes.Slice(t, 1), lost: false);
        return Take(lookAhead);
    }

    /// <summary>Takes note of lost frames.</summary>
    /// <returns>As of <see cref="Push"/>.</returns>
    public Codes? PushLost(int frames)
    {
        for (var t = 0; t < frames; t++)
            Add(new Codes(books, [.. books.Select(_ => new[] { new int[1] })], 1), lost: true);
        return Take(lookAhead);
    }

    /// <summary>Ends the stream.</summary>
    public Codes? Finish() => Take(0);

    private void Add(Codes frame, bool lost)
    {
        _frames.Add(frame);
        _lost.Add(lost);
    }

    private Codes? Take(int held)
    {
        var made = new List<Codes>();
        for (; _ready < _frames.Count - held; _ready++)
            made.Add(_lost[_ready] ? Restore(_ready) : _frames[_ready]);
        var old = _ready - ContextFrames;
        if (old > 0)
        {
            _frames.RemoveRange(0, old);
            _lost.RemoveRange(0, old);
            _ready -= old;
        }
        return made.Count == 0 ? null : Codes.Concat(made);
    }

    private Codes Restore(int frame)
    {
        var first = Math.Max(0, frame - ContextFrames);
        var end = Math.Min(_frames.Count, frame + 1 + lookAhead);
        return repair.Restore(Codes.Concat(_frames[first..end]), _lost[first..end]).Slice(frame - first, 1);
    }
}
