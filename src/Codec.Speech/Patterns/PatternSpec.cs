using System.Text.Json.Serialization;
using Codec.Audio;
using Codec.Core;

namespace Codec.Speech.Patterns;

/// <summary>
/// In which order a language model visits the codes of K books (MusicGen, arXiv 2306.05284; AudioLM-style variants).
/// One option of a model's configuration; <see cref="Build(IReadOnlyList{CodebookSpec}, int)"/> makes the plan for a length.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(Parallel), "parallel")]
[JsonDerivedType(typeof(Delay), "delay")]
[JsonDerivedType(typeof(Flat), "flat")]
[JsonDerivedType(typeof(CoarseFirst), "coarse_first")]
[JsonDerivedType(typeof(MusicLm), "musiclm")]
[JsonDerivedType(typeof(Stack), "stack")]
[JsonDerivedType(typeof(StackDelay), "stack_delay")]
public abstract record PatternSpec
{
    /// <summary>All books of a frame in one step.</summary>
    /// <param name="EmptyInitial">More empty steps in front; negative: not even the start step.</param>
    public sealed record Parallel(int EmptyInitial = 0) : PatternSpec
    {
        internal override List<Coordinate[]> Layout(int books, int frames)
            => PatternLayouts.Delay(frames, new int[books], 0, EmptyInitial);
    }

    /// <summary>Book q lags by Delays[q] frames.</summary>
    /// <param name="Delays">Ascending, one per book; null = 0, 1, ..., K-1.</param>
    /// <param name="FlattenFirst">This many frames come first, one token per step.</param>
    /// <param name="EmptyInitial">More empty steps in front; negative: not even the start step.</param>
    public sealed record Delay(IReadOnlyList<int>? Delays = null, int FlattenFirst = 0, int EmptyInitial = 0) : PatternSpec
    {
        internal override List<Coordinate[]> Layout(int books, int frames)
        {
            Require.That(FlattenFirst >= 0, nameof(FlattenFirst), ">= 0", FlattenFirst);
            return PatternLayouts.Delay(frames, Ascending(Delays, books, q => q, nameof(Delays)), FlattenFirst, EmptyInitial);
        }
    }

    /// <summary>Every frame unrolled into inner steps; by default one token per step.</summary>
    /// <param name="InnerSteps">Ascending inner step of each book; books of equal inner step share a step. Null = 0, ..., K-1.</param>
    /// <param name="Delays">Ascending delay of each book; equal within an inner step. Null = none.</param>
    public sealed record Flat(IReadOnlyList<int>? InnerSteps = null, IReadOnlyList<int>? Delays = null) : PatternSpec
    {
        internal override List<Coordinate[]> Layout(int books, int frames)
        {
            var inner = Ascending(InnerSteps, books, q => q, nameof(InnerSteps));
            var delays = Ascending(Delays, books, _ => 0, nameof(Delays));
            for (var q = 1; q < books; q++)
                Require.That(inner[q] != inner[q - 1] || delays[q] == delays[q - 1], nameof(Delays),
                    $"one delay for all books of inner step {inner[q]}", $"{delays[q - 1]} and {delays[q]}");
            return PatternLayouts.Flat(frames, inner, delays);
        }
    }

    /// <summary>Book 0 of the whole length, then the other books with delays (VALL-E, arXiv 2301.02111). The length must be known beforehand.</summary>
    /// <param name="Delays">Ascending, one for each book from 1 on; null = none.</param>
    public sealed record CoarseFirst(IReadOnlyList<int>? Delays = null) : PatternSpec
    {
        internal override List<Coordinate[]> Layout(int books, int frames)
        {
            Require.That(books >= 2, "books", ">= 2 for coarse-first", books);
            return PatternLayouts.CoarseFirst(frames, Ascending(Delays, books - 1, _ => 0, nameof(Delays)));
        }
    }

    /// <summary>Group after group of books, each over the whole length, one token per step (MusicLM, arXiv 2301.11325).</summary>
    /// <param name="GroupBy">Books per group; must divide K.</param>
    public sealed record MusicLm(int GroupBy = 2) : PatternSpec
    {
        internal override List<Coordinate[]> Layout(int books, int frames)
        {
            Require.That(GroupBy >= 1 && books % GroupBy == 0, nameof(GroupBy), $"a divisor of {books} books", GroupBy);
            return PatternLayouts.Grouped(frames, books, GroupBy);
        }
    }

    /// <summary>Flat order with partial stacks as inputs: see <see cref="StackPlan"/>.</summary>
    public sealed record Stack : PatternSpec
    {
        internal override List<Coordinate[]> Layout(int books, int frames)
            => StackPlan.Layout(new FrameSchedule.Identity().Order(frames, books), books, staggered: false);
    }

    /// <summary>K streams in permuted frame order, one pass per step: see <see cref="StackPlan"/>.</summary>
    /// <param name="Schedule">Null = identity.</param>
    public sealed record StackDelay(FrameSchedule? Schedule = null) : PatternSpec
    {
        internal override List<Coordinate[]> Layout(int books, int frames)
            => StackPlan.Layout((Schedule ?? new FrameSchedule.Identity()).Order(frames, books), books, staggered: true);
    }

    /// <summary>The plan for K books of equal rate.</summary>
    /// <param name="books">K.</param>
    /// <param name="frames">T.</param>
    /// <exception cref="ConfigException">The parameters do not fit the number of books.</exception>
    public Pattern Build(int books, int frames)
        => Build(Enumerable.Repeat(new CodebookSpec(1), Math.Max(0, books)).ToArray(), frames);

    /// <summary>
    /// The plan for any codec. A book of stride s has its code t where base frame s*t would be, so every code
    /// comes before or with the finer codes of the frames that it covers; steps that lose all their codes are left out.
    /// </summary>
    /// <param name="specs">One per book.</param>
    /// <param name="frames">Base frames.</param>
    /// <exception cref="ConfigException">The parameters do not fit the books.</exception>
    public Pattern Build(IReadOnlyList<CodebookSpec> specs, int frames)
    {
        Require.Positive(specs.Count, "books");
        Require.Positive(frames);
        var strides = specs.Select(s => s.Stride).ToArray();
        foreach (var stride in strides)
            Require.Positive(stride);
        var layout = Layout(specs.Count, frames);
        if (strides.Any(s => s != 1))
            layout = PatternLayouts.Thin(layout, strides);
        return new Pattern(layout, frames, strides, permuted: this is StackDelay);
    }

    /// <summary>Steps of coordinates at stride 1, the start step included.</summary>
    internal abstract List<Coordinate[]> Layout(int books, int frames);

    private static int[] Ascending(IReadOnlyList<int>? given, int count, Func<int, int> otherwise, string name)
    {
        var values = given?.ToArray() ?? Enumerable.Range(0, count).Select(otherwise).ToArray();
        Require.That(values.Length == count, name, $"{count} values", values.Length);
        for (var q = 0; q < count; q++)
            Require.That(values[q] >= (q == 0 ? 0 : values[q - 1]), name, "ascending values >= 0", string.Join(",", values));
        return values;
    }
}
