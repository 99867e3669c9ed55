namespace Codec.Speech.Tokens;

/// <summary>
/// Count-based models of one token stream, to measure a language model against: interpolated n-grams with Witten-Bell smoothing,
/// down to a uniform distribution. Order 1 is the unigram ("order-0") model.
/// </summary>
public sealed class TokenStatistics
{
    private readonly int _order;
    private readonly int _vocabulary;
    private readonly Dictionary<(int Length, ulong Context), Dictionary<int, int>> _counts = [];

    /// <param name="order">Tokens looked at together: 1 = single tokens, 3 = trigrams.</param>
    /// <param name="vocabulary">Tokens are below this.</param>
    public TokenStatistics(int order, int vocabulary)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(order);
        (_order, _vocabulary) = (order, vocabulary);
    }

    /// <summary>Counts a training sequence.</summary>
    public void Add(ReadOnlySpan<int> tokens)
    {
        for (var i = 0; i < tokens.Length; i++)
            for (var n = 0; n < _order && n <= i; n++)
            {
                var key = (n, Hash(tokens.Slice(i - n, n)));
                if (!_counts.TryGetValue(key, out var next))
                    _counts[key] = next = [];
                next[tokens[i]] = next.GetValueOrDefault(tokens[i]) + 1;
            }
    }

    /// <summary>P(token | the tokens before it).</summary>
    public double Probability(ReadOnlySpan<int> before, int token)
    {
        var p = 1.0 / _vocabulary;
        for (var n = 0; n < _order && n <= before.Length; n++)
        {
            if (!_counts.TryGetValue((n, Hash(before[^n..])), out var next))
                break;
            // Witten-Bell: as many unseen events as there are kinds of seen ones.
            double total = next.Values.Sum(), kinds = next.Count;
            p = (next.GetValueOrDefault(token) + kinds * p) / (total + kinds);
        }
        return p;
    }

    /// <summary>Mean -log P over a sequence, nats per token.</summary>
    public double Nats(ReadOnlySpan<int> tokens)
    {
        double sum = 0;
        for (var i = 0; i < tokens.Length; i++)
            sum -= Math.Log(Probability(tokens[..i], tokens[i]));
        return tokens.Length == 0 ? 0 : sum / tokens.Length;
    }

    private static ulong Hash(ReadOnlySpan<int> tokens)
    {
        var hash = 14695981039346656037UL;
        foreach (var token in tokens)
            hash = (hash ^ (uint)token) * 1099511628211UL;
        return hash;
    }
}
