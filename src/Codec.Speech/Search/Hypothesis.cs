namespace Codec.Speech.Search;

/// <summary>
/// A token sequence in a search: a link to its prefix, so that extending is cheap and models can hang their state
/// (key-value cache, prefix tables) on each node. Immutable but for that state.
/// </summary>
public sealed class Hypothesis
{
    private Dictionary<object, object>? _states;

    private Hypothesis(Hypothesis? parent, int token, double score)
    {
        Parent = parent;
        Token = token;
        Score = score;
        Length = parent is null ? 0 : parent.Length + 1;
    }

    /// <summary>No token yet; a fresh object, so that states of different searches never meet.</summary>
    public static Hypothesis Empty => new(null, -1, 0);

    public Hypothesis? Parent { get; }

    /// <summary>The last token; -1 for the empty sequence.</summary>
    public int Token { get; }

    /// <summary>Accumulated score (log probability for a plain model).</summary>
    public double Score { get; }

    /// <summary>Tokens, the end token included.</summary>
    public int Length { get; }

    public Hypothesis Extend(int token, double score) => new(this, token, score);

    public int[] Tokens()
    {
        var tokens = new int[Length];
        for (var at = this; at.Parent is not null; at = at.Parent)
            tokens[at.Length - 1] = at.Token;
        return tokens;
    }

    /// <summary>The state that a model left here, created on first use (from the parent's, as a rule).</summary>
    public T State<T>(object model, Func<Hypothesis, T> create) where T : class
    {
        _states ??= [];
        if (_states.TryGetValue(model, out var state))
            return (T)state;
        var created = create(this);
        _states[model] = created;
        return created;
    }

    /// <summary>Score descending, then shorter, then lexicographic.</summary>
    public static int Compare(Hypothesis a, Hypothesis b)
        => a.Score != b.Score ? b.Score.CompareTo(a.Score) : CompareTokens(a, b);

    /// <summary>Shorter first, then lexicographic.</summary>
    public static int CompareTokens(Hypothesis a, Hypothesis b)
        => a.Length != b.Length ? a.Length.CompareTo(b.Length) : a.Tokens().AsSpan().SequenceCompareTo(b.Tokens());
}
