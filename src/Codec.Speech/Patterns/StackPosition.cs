namespace Codec.Speech.Patterns;

/// <summary>One query position of a <see cref="StackPlan"/>.</summary>
/// <param name="Pass">Counted from 0.</param>
/// <param name="Holds">Frame whose codes it reads; -1 = the start token.</param>
/// <param name="Levels">How many of the frame's codes, coarsest first; all = a full stack.</param>
/// <param name="Predicts">The code that it predicts; null where it only brings a full stack into the cache.</param>
/// <param name="Stays">Whether its key and value stay: later passes see it.</param>
public sealed record StackPosition(int Pass, int Holds, int Levels, Coordinate? Predicts, bool Stays)
{
    /// <summary>Where its key stands: the frame that it holds, one up, so that the start token has 0.</summary>
    public int KeyPosition => Holds + 1;

    /// <summary>Where its query stands: the frame that it predicts, one up.</summary>
    public int QueryPosition => (Predicts?.Time ?? Holds) + 1;

    /// <summary>Whether this position sees another: itself, and full stacks that are known before its pass.</summary>
    public bool Sees(StackPosition other) => ReferenceEquals(this, other) || (other.Stays && other.Pass <= Pass);
}
