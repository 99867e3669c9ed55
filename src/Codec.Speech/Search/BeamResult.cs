namespace Codec.Speech.Search;

/// <summary>A result of a search.</summary>
/// <param name="Tokens">The end token included.</param>
/// <param name="Score">After the length penalty.</param>
/// <param name="RawScore">Before it: the log probability for a single plain model.</param>
public sealed record RankedSequence(int[] Tokens, double Score, double RawScore);

/// <summary>What a search found, best first, and what it cost.</summary>
/// <param name="Sequences">Ties: shorter, then lexicographic.</param>
/// <param name="ModelCalls">Prefixes that the model was asked about.</param>
/// <param name="Steps">Positions decoded.</param>
public sealed record BeamResult(IReadOnlyList<RankedSequence> Sequences, int ModelCalls, int Steps)
{
    /// <summary>Results of each group of a diverse search; null for one group.</summary>
    public IReadOnlyList<IReadOnlyList<RankedSequence>>? Groups { get; init; }

    /// <summary>Best-first search: what was taken from the queue, with the length that it stood for.</summary>
    public IReadOnlyList<(int Length, int[] Tokens)>? Pops { get; init; }

    public RankedSequence Best => Sequences[0];
}
