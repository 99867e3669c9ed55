namespace Codec.Speech.Drafting;

/// <summary>Proposes what comes next, cheaply.</summary>
public interface IDrafter
{
    /// <summary>Up to <paramref name="most"/> tokens after <paramref name="history"/>; none where it has no idea.</summary>
    int[] Propose(IReadOnlyList<int> history, int most);

    /// <summary>What the target would have said: its most probable token after the last token and after each drafted one.</summary>
    /// <param name="accepted">Draft tokens kept.</param>
    /// <param name="argmax">One more than the draft.</param>
    void Learn(int accepted, int[] argmax);
}

/// <summary>Recycled n-grams: continues as the latest earlier occurrence of the last tokens did.</summary>
/// <param name="longest">Tokens matched at most; shorter matches are tried down to <paramref name="shortest"/>.</param>
public sealed class NGramDrafter(int longest = 4, int shortest = 2) : IDrafter
{
    private readonly Dictionary<(int Length, ulong Hash), (int Latest, int Before)> _ends = [];
    private int _indexed;

    public int[] Propose(IReadOnlyList<int> history, int most)
    {
        if (history.Count < _indexed)
        {
            _ends.Clear();
            _indexed = 0;
        }
        for (; _indexed < history.Count; _indexed++)
            for (var n = shortest; n <= longest && n <= _indexed + 1; n++)
            {
                var key = (n, Hash(history, _indexed + 1, n));
                _ends[key] = (_indexed + 1, _ends.TryGetValue(key, out var old) ? old.Latest : -1);
            }
        for (var n = Math.Min(longest, history.Count); n >= shortest; n--)
            if (_ends.TryGetValue((n, Hash(history, history.Count, n)), out var found) && found.Before > 0)
                return Enumerable.Range(found.Before, Math.Min(most, history.Count - found.Before)).Select(i => history[i]).ToArray();
        return [];
    }

    public void Learn(int accepted, int[] argmax) { }

    private static ulong Hash(IReadOnlyList<int> tokens, int end, int count)
    {
        var hash = 14695981039346656037UL;
        for (var i = end - count; i < end; i++)
            hash = (hash ^ (uint)tokens[i]) * 1099511628211UL;
        return hash;
    }
}

/// <summary>
/// Jacobi decoding (arXiv 2305.10427): the next draft is what the target answered to the refused part of the last one; fresh places
/// repeat the last token.
/// </summary>
public sealed class JacobiDrafter : IDrafter
{
    private int[] _guess = [];

    public int[] Propose(IReadOnlyList<int> history, int most)
    {
        var fill = history.Count > 0 ? history[^1] : 0;
        return Enumerable.Range(0, most).Select(i => i < _guess.Length ? _guess[i] : fill).ToArray();
    }

    // argmax[accepted] is emitted as the token after the accepted ones; what followed it is the next guess.
    public void Learn(int accepted, int[] argmax) => _guess = argmax[(accepted + 1)..];
}
