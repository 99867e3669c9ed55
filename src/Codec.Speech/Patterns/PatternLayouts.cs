namespace Codec.Speech.Patterns;

/// <summary>The layouts of SPEC-style patterns at stride 1: lists of steps, each a list of coordinates.</summary>
internal static class PatternLayouts
{
    public static List<Coordinate[]> Delay(int frames, int[] delays, int flattenFirst, int emptyInitial)
    {
        List<Coordinate[]> steps = [];
        for (var i = 0; i < emptyInitial + 1; i++)
            steps.Add([]);
        for (var t = 0; t < Math.Min(frames, flattenFirst); t++)
            for (var q = 0; q < delays.Length; q++)
                steps.Add([new(t, q)]);
        for (var u = flattenFirst; u < frames + delays.Max(); u++)
            steps.Add(Delayed(u, delays, flattenFirst, 0));
        return steps;
    }

    public static List<Coordinate[]> Flat(int frames, int[] inner, int[] delays)
    {
        var last = frames + delays.Max();
        List<(int Key, Coordinate[] Step)> keyed = [(-1, [])];
        for (var t = 0; t < last; t++)
            for (var i = 0; i <= inner.Max(); i++)
            {
                var books = Enumerable.Range(0, inner.Length).Where(q => inner[q] == i).ToArray();
                var key = t + (books.Length == 0 ? 0 : delays[books[0]]);
                if (key < last)
                    keyed.Add((key, books.Select(q => new Coordinate(t, q)).ToArray()));
            }
        keyed.Sort((a, b) => a.Key != b.Key ? a.Key.CompareTo(b.Key) : Compare(a.Step, b.Step));
        return keyed.ConvertAll(k => k.Step);
    }

    public static List<Coordinate[]> CoarseFirst(int frames, int[] delays)
    {
        List<Coordinate[]> steps = [[]];
        for (var t = 0; t < frames; t++)
            steps.Add([new(t, 0)]);
        for (var u = 0; u < frames + delays.Max(); u++)
            steps.Add(Delayed(u, delays, 0, 1));
        return steps;
    }

    public static List<Coordinate[]> Grouped(int frames, int books, int groupBy)
    {
        List<Coordinate[]> steps = [[]];
        for (var first = 0; first < books; first += groupBy)
            for (var t = 0; t < frames; t++)
                for (var q = first; q < first + groupBy; q++)
                    steps.Add([new(t, q)]);
        return steps;
    }

    /// <summary>Keeps the coordinates whose frame is a multiple of the book's stride, as indexes into the book.</summary>
    public static List<Coordinate[]> Thin(List<Coordinate[]> steps, int[] strides)
    {
        List<Coordinate[]> thinned = [];
        foreach (var step in steps)
        {
            var kept = step.Where(c => c.Time % strides[c.Book] == 0)
                .Select(c => new Coordinate(c.Time / strides[c.Book], c.Book)).ToArray();
            if (kept.Length > 0 || step.Length == 0)
                thinned.Add(kept);
        }
        return thinned;
    }

    private static Coordinate[] Delayed(int u, int[] delays, int firstFrame, int firstBook)
        => Enumerable.Range(0, delays.Length).Where(q => u - delays[q] >= firstFrame)
            .Select(q => new Coordinate(u - delays[q], q + firstBook)).ToArray();

    // Ties: the empty step first, then smaller coordinates.
    private static int Compare(Coordinate[] a, Coordinate[] b)
    {
        for (var i = 0; i < Math.Min(a.Length, b.Length); i++)
            if (a[i].CompareTo(b[i]) is var order and not 0)
                return order;
        return a.Length.CompareTo(b.Length);
    }
}
