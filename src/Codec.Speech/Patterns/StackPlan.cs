namespace Codec.Speech.Patterns;

/// <summary>What a stack or stack-delay decoder knows before one step.</summary>
/// <param name="Decode">Codes that this step's positions predict, coarsest first.</param>
/// <param name="Complete">Frames whose keys and values are in the long-term cache, ascending.</param>
/// <param name="Partial">Frames in flight with the number of levels decoded, by frame.</param>
public sealed record StackStep(IReadOnlyList<Coordinate> Decode, IReadOnlyList<int> Complete, IReadOnlyList<(int Frame, int Levels)> Partial);

/// <summary>
/// Stack and stack-delay decoding ("Stack-and-Delay", arXiv 2309.08804; the parts that the paper leaves open are settled here).
/// </summary>
/// <remarks>
/// <para>Stack: one code per step in flat order, K*T steps. The position that predicts level q > 0 of a frame reads the sum of the embeddings
/// of its levels below q; level 0 reads the full stack of the frame decoded before (the start token for the first).</para>
/// <para>Stack-delay: the frames are visited in a schedule p; level q of frame p[n] is decoded at step n + q, all of a step's codes in one pass
/// as separate positions. T + K - 1 passes, K*T query positions.</para>
/// <para>Invariants, both: only full stacks leave keys and values behind (T long-term entries), those of partial stacks are dropped when the next
/// level is known; a position sees complete frames and itself, never a code that is decoded in its own step or later; positions
/// carry the true frame index. With <see cref="FrameSchedule.Stride"/> of 2 and T >= 2K + 2, or <see cref="FrameSchedule.RunAhead"/> with T >= 4K + 4,
/// neighbouring frames are never in one pass.</para>
/// </remarks>
public sealed class StackPlan
{
    private readonly int[] _order;
    private readonly Pattern _pattern;

    private StackPlan(int[] order, int books, bool staggered)
    {
        _order = order;
        Books = books;
        Staggered = staggered;
        _pattern = new Pattern(Layout(order, books, staggered), order.Length, Enumerable.Repeat(1, books).ToArray(), permuted: true);
    }

    /// <summary>K levels.</summary>
    public int Books { get; }

    /// <summary>True for stack-delay.</summary>
    public bool Staggered { get; }

    /// <summary>Frames in decoding order.</summary>
    public IReadOnlyList<int> Order => _order;

    /// <summary>The same codes as a pattern (step 0 is the start).</summary>
    public Pattern Pattern => _pattern;

    /// <summary>Passes of the model.</summary>
    public int Passes => _pattern.SequenceSteps;

    /// <summary>Query positions over all passes: K*T.</summary>
    public int QueryPositions => _pattern.Steps.Sum(s => s.Count);

    /// <summary>Query positions of the widest pass.</summary>
    public int MaxPositions => _pattern.Steps.Max(s => s.Count);

    /// <summary>Keys and values that stay: one entry per frame.</summary>
    public int LongTermEntries => _order.Length;

    /// <summary>The smallest distance of two frames in one pass; null where no pass holds two.</summary>
    public int? MinFrameDistance
    {
        get
        {
            int? least = null;
            foreach (var step in _pattern.Steps)
                foreach (var a in step)
                    foreach (var b in step)
                        if (a.Time < b.Time)
                            least = Math.Min(least ?? int.MaxValue, b.Time - a.Time);
            return least;
        }
    }

    /// <summary>One frame after the other, one code per pass.</summary>
    public static StackPlan Stack(int books, int frames)
        => new(new FrameSchedule.Identity().Order(frames, books), books, staggered: false);

    /// <summary>K streams, one pass per step.</summary>
    public static StackPlan StackDelay(int books, int frames, FrameSchedule schedule)
        => new(schedule.Order(frames, books), books, staggered: true);

    /// <summary>The plan of a stack or stack-delay pattern; null for any other.</summary>
    /// <param name="spec">Pattern.</param>
    /// <param name="books">K.</param>
    /// <param name="frames">T.</param>
    public static StackPlan? Of(PatternSpec spec, int books, int frames) => spec switch
    {
        PatternSpec.Stack => Stack(books, frames),
        PatternSpec.StackDelay delayed => StackDelay(books, frames, delayed.Schedule ?? new FrameSchedule.Identity()),
        _ => null,
    };

    /// <summary>
    /// All query positions in the order of their passes, within a pass the full stack first. The newest full stack predicts level 0 of
    /// the next frame of the schedule; its key carries the frame that it holds, its query the frame that it predicts, so that a permuted
    /// order needs no further position. After the last level 0 full stacks only enter the cache.
    /// </summary>
    public IReadOnlyList<StackPosition> Positions()
    {
        List<StackPosition> positions = [];
        for (var pass = 0; pass < Passes; pass++)
            foreach (var position in Staggered ? Staggering(pass) : [Stacking(pass / Books, pass % Books)])
                positions.Add(position with { Pass = pass });
        return positions;
    }

    /// <summary>All passes with what is known before each.</summary>
    public IEnumerable<StackStep> Steps()
    {
        var levels = new int[_order.Length];
        foreach (var decode in _pattern.Steps.Skip(1))
        {
            var complete = Enumerable.Range(0, levels.Length).Where(t => levels[t] == Books).ToArray();
            var partial = decode.Where(c => c.Book > 0).Select(c => (c.Time, c.Book)).Order().ToArray();
            yield return new StackStep(decode, complete, partial);
            foreach (var c in decode)
                levels[c.Time] = c.Book + 1;
        }
    }

    /// <summary>How far the frame to the left is when level 0 of a frame is decoded, counted over all frames but the first.</summary>
    public (int Complete, int Partial, int NotStarted) LeftNeighbours()
    {
        var start = new int[_order.Length];
        var end = new int[_order.Length];
        for (var s = 0; s < _pattern.Steps.Count; s++)
            foreach (var c in _pattern.Steps[s])
            {
                if (c.Book == 0)
                    start[c.Time] = s;
                if (c.Book == Books - 1)
                    end[c.Time] = s;
            }
        var (complete, partial, notStarted) = (0, 0, 0);
        for (var t = 1; t < start.Length; t++)
            if (end[t - 1] < start[t])
                complete++;
            else if (start[t - 1] < start[t])
                partial++;
            else
                notStarted++;
        return (complete, partial, notStarted);
    }

    private StackPosition Stacking(int n, int level) => level > 0
        ? new StackPosition(0, _order[n], level, new Coordinate(_order[n], level), false)
        : new StackPosition(0, n == 0 ? -1 : _order[n - 1], Books, new Coordinate(_order[n], 0), true);

    private IEnumerable<StackPosition> Staggering(int pass)
    {
        var holds = pass < Books ? -1 : _order[pass - Books];
        Coordinate? next = pass < _order.Length ? new Coordinate(_order[pass], 0) : null;
        // Until the first frame is complete every level 0 starts from the start token; only its first copy stays.
        if (next is not null || holds >= 0)
            yield return new StackPosition(0, holds, Books, next, pass == 0 || holds >= 0);
        for (var level = 1; level < Books; level++)
            if (pass - level is var n && n >= 0 && n < _order.Length)
                yield return new StackPosition(0, _order[n], level, new Coordinate(_order[n], level), false);
    }

    internal static List<Coordinate[]> Layout(int[] order, int books, bool staggered)
    {
        List<Coordinate[]> steps = [[]];
        if (!staggered)
        {
            steps.AddRange(order.SelectMany(t => Enumerable.Range(0, books).Select(q => new[] { new Coordinate(t, q) })));
            return steps;
        }
        for (var s = 0; s < order.Length + books - 1; s++)
            steps.Add(Enumerable.Range(0, books).Where(q => s - q >= 0 && s - q < order.Length)
                .Select(q => new Coordinate(order[s - q], q)).ToArray());
        return steps;
    }
}
