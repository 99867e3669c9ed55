namespace Codec.Speech.Search;

/// <summary>An autoregressive model as searches see it.</summary>
public interface INextTokenModel
{
    /// <summary>Number of tokens, the end token included.</summary>
    int Vocabulary { get; }

    /// <summary>The token that ends a sequence.</summary>
    int End { get; }

    /// <summary>Log probabilities of the next token, [rows][V]: one batched model call.</summary>
    double[][] LogProbabilities(IReadOnlyList<Hypothesis> prefixes);
}

/// <summary>A score for chosen next tokens only, because each costs time: CTC prefix scores.</summary>
public interface IPartialScorer
{
    /// <summary>What each candidate token adds to the hypothesis' score; the end token's for ending here.</summary>
    void Score(Hypothesis prefix, ReadOnlySpan<int> candidates, Span<double> increments);
}

/// <summary>A model given by a function, e.g. an explicit table.</summary>
public sealed class FunctionModel(int vocabulary, int end, Func<int[], double[]> logProbabilities) : INextTokenModel
{
    public int Vocabulary => vocabulary;

    public int End => end;

    public double[][] LogProbabilities(IReadOnlyList<Hypothesis> prefixes)
        => prefixes.Select(p => logProbabilities(p.Tokens())).ToArray();
}
