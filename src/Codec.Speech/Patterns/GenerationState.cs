using Codec.Core;

namespace Codec.Speech.Patterns;

/// <summary>
/// One row of a generation in progress: the interleaved sequence so far, where it stands, and the codes it gives.
/// Prompt codes are never overwritten; places without a code hold the special token.
/// </summary>
public sealed class GenerationState
{
    private const int Unknown = -1;
    private readonly Pattern _pattern;
    private readonly int[][] _initial;
    private readonly int[][] _sequence;
    private readonly int[] _complete;

    /// <param name="pattern">Plan for the final length.</param>
    /// <param name="special">Token of places without a code, per book (usually the book's size).</param>
    /// <param name="prompt">[K][..] known codes from the start of each book; null = none.</param>
    /// <exception cref="ArgumentException">The prompt has other books or is longer than the plan.</exception>
    public GenerationState(Pattern pattern, IReadOnlyList<int> special, int[][]? prompt = null)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(special.Count, pattern.Books);
        _pattern = pattern;
        var codes = new int[pattern.Books][];
        var first = int.MaxValue;
        for (var q = 0; q < codes.Length; q++)
        {
            codes[q] = Enumerable.Repeat(Unknown, pattern.Length(q)).ToArray();
            var known = prompt?[q] ?? [];
            if (known.Length > codes[q].Length)
                throw new ArgumentException($"book {q}: expected at most {codes[q].Length} prompt codes, found {known.Length}", nameof(prompt));
            known.CopyTo(codes[q], 0);
            if (known.Length < codes[q].Length)
                first = Math.Min(first, FirstStepAt(q, known.Length));
        }
        var mask = pattern.Mask();
        _initial = pattern.Build(codes, Unknown);
        for (var q = 0; q < codes.Length; q++)
            for (var s = 0; s < mask[q].Length; s++)
                if (!mask[q][s])
                    _initial[q][s] = special[q];
        _sequence = _initial.Select(row => (int[])row.Clone()).ToArray();
        _complete = pattern.StepsUntilComplete();
        PromptSteps = first == int.MaxValue ? Steps : first;
        Step = PromptSteps;
    }

    /// <summary>All steps of the plan.</summary>
    public int Steps => _pattern.Steps.Count;

    /// <summary>Steps known from the start: the model reads them in one pass.</summary>
    public int PromptSteps { get; }

    /// <summary>The step to be written next.</summary>
    public int Step { get; private set; }

    public bool IsFinished => Step >= Steps;

    /// <summary>Leading base frames whose codes are all known.</summary>
    public int CompleteFrames
    {
        get
        {
            var (low, high) = (0, _complete.Length);
            while (low < high)
            {
                var middle = (low + high) / 2;
                if (_complete[middle] < Step + (_pattern.StartsWithSpecial ? 0 : 1))
                    low = middle + 1;
                else
                    high = middle;
            }
            return low;
        }
    }

    /// <summary>The tokens of a step that the model reads: of any step before <see cref="Step"/>.</summary>
    public void Read(int step, Span<int> tokens_K)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(step, Step);
        for (var q = 0; q < _sequence.Length; q++)
            tokens_K[q] = _sequence[q][step];
    }

    /// <summary>Whether the next step takes a sampled code for this book.</summary>
    public bool Wants(int book) => _sequence[book][Step] == Unknown;

    /// <summary>The next step's token of a book that it does not want: of the prompt, or the special token.</summary>
    public int Known(int book) => _sequence[book][Step];

    /// <summary>The last codes of a book, oldest first, at most <paramref name="window"/>.</summary>
    public int[] History(int book, int window)
    {
        var count = 0;
        for (var s = Step - 1; s >= 0 && count < window; s--)
            count += IsCode(book, s) ? 1 : 0;
        var history = new int[count];
        for (var s = Step - 1; count > 0; s--)
            if (IsCode(book, s))
                history[--count] = _sequence[book][s];
        return history;
    }

    /// <summary>Writes the sampled tokens of the next step; those of known or masked places are ignored.</summary>
    public void Write(ReadOnlySpan<int> tokens_K)
    {
        for (var q = 0; q < _sequence.Length; q++)
            if (_sequence[q][Step] == Unknown)
                _sequence[q][Step] = tokens_K[q];
        Step++;
    }

    /// <summary>Goes back to an earlier step; the codes sampled since are forgotten.</summary>
    public void Rewind(int step)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(step, PromptSteps);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(step, Step);
        for (var s = step; s < Step; s++)
            for (var q = 0; q < _sequence.Length; q++)
                _sequence[q][s] = _initial[q][s];
        Step = step;
    }

    /// <summary>The codes: [K][T_k], -1 where not yet known.</summary>
    public int[][] Codes() => _pattern.Revert(_sequence, Unknown);

    /// <summary>The leading complete frames as codes of the given books.</summary>
    public Codes Codes(IReadOnlyList<CodebookSpec> specs)
    {
        var frames = CompleteFrames;
        return new Codes(specs, Codes().Select((row, q) => new[] { row[.._pattern.Length(q, frames)] }).ToArray(), frames);
    }

    private bool IsCode(int book, int step)
    {
        foreach (var c in _pattern.Steps[step])
            if (c.Book == book)
                return c.Time < _pattern.Length(book);
        return false;
    }

    private int FirstStepAt(int book, int time)
    {
        for (var s = 0; s < _pattern.Steps.Count; s++)
            if (_pattern.Steps[s].Any(c => c.Book == book && c.Time >= time && c.Time < _pattern.Length(book)))
                return s;
        return int.MaxValue;
    }
}
