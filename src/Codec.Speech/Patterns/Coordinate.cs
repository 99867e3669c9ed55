namespace Codec.Speech.Patterns;

/// <summary>One code of one stream.</summary>
/// <param name="Time">Index within its book's own stream: base frame / stride.</param>
/// <param name="Book">0 = coarsest.</param>
public readonly record struct Coordinate(int Time, int Book) : IComparable<Coordinate>
{
    /// <summary>By time, then book.</summary>
    public int CompareTo(Coordinate other)
        => Time != other.Time ? Time.CompareTo(other.Time) : Book.CompareTo(other.Book);
}
