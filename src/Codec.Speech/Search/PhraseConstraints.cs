namespace Codec.Speech.Search;

/// <summary>
/// How far hypotheses are with the phrases that they must hold. Each phrase is matched as in Knuth-Morris-Pratt, so that an
/// interrupted phrase falls back to its longest border.
/// </summary>
internal sealed class PhraseConstraints
{
    private readonly int[][] _phrases;
    private readonly int[][] _borders;

    public PhraseConstraints(IReadOnlyList<IReadOnlyList<int>> phrases)
    {
        _phrases = phrases.Select(p => p.ToArray()).ToArray();
        _borders = _phrases.Select(Borders).ToArray();
        Tokens = _phrases.Sum(p => p.Length);
    }

    /// <summary>Tokens of all phrases.</summary>
    public int Tokens { get; }

    /// <summary>Tokens met: whole phrases, and the beginnings in progress.</summary>
    public int Met(Hypothesis hypothesis) => Progress(hypothesis).Sum();

    public bool AllMet(Hypothesis hypothesis) => Met(hypothesis) == Tokens;

    /// <summary>Tokens that bring some phrase forward.</summary>
    public IEnumerable<int> Advancing(Hypothesis hypothesis)
    {
        var progress = Progress(hypothesis);
        for (var i = 0; i < progress.Length; i++)
            if (progress[i] < _phrases[i].Length)
                yield return _phrases[i][progress[i]];
    }

    /// <summary>The token that must come now if the phrases are to fit into the positions left; null where there is room.</summary>
    public int? Forced(Hypothesis hypothesis, int positionsLeft)
    {
        var progress = Progress(hypothesis);
        var open = Enumerable.Range(0, progress.Length).Where(i => progress[i] < _phrases[i].Length).ToArray();
        if (open.Length == 0)
            return null;
        var first = open.MaxBy(i => progress[i]);
        // Progress on the other phrases may be lost while the first is completed.
        var needed = open.Sum(i => _phrases[i].Length) - progress[first];
        return positionsLeft - 1 <= needed ? _phrases[first][progress[first]] : null;
    }

    private int[] Progress(Hypothesis hypothesis) => hypothesis.State(this, h =>
    {
        if (h.Parent is null)
            return new int[_phrases.Length];
        var progress = (int[])Progress(h.Parent).Clone();
        for (var i = 0; i < progress.Length; i++)
            progress[i] = Match(i, progress[i], h.Token);
        return progress;
    });

    private int Match(int phrase, int matched, int token)
    {
        var tokens = _phrases[phrase];
        if (matched == tokens.Length)
            return matched;
        while (matched > 0 && tokens[matched] != token)
            matched = _borders[phrase][matched - 1];
        return tokens[matched] == token ? matched + 1 : 0;
    }

    private static int[] Borders(int[] tokens)
    {
        var borders = new int[tokens.Length];
        for (int i = 1, k = 0; i < tokens.Length; i++)
        {
            while (k > 0 && tokens[i] != tokens[k])
                k = borders[k - 1];
            if (tokens[i] == tokens[k])
                k++;
            borders[i] = k;
        }
        return borders;
    }
}
