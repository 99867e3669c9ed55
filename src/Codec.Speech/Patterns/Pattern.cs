using Codec.Audio;

namespace Codec.Speech.Patterns;

/// <summary>
/// A validated plan: which codes a language model reads or writes at every step. Interleaves codes into a
/// [K, S] sequence and reverts sequences and model outputs. Immutable.
/// </summary>
/// <remarks>
/// Gather form: codes are flattened book after book, code (t, q) at <c>offset(q) + t</c> (<c>q*T + t</c> at equal rates), and the
/// special token is appended, so that its index is the number of codes. Step 0 is normally empty: the start token of every book.
/// The model's output at step s-1 predicts step s.
/// </remarks>
public sealed class Pattern
{
    private readonly Coordinate[][] _steps;
    private readonly int[] _strides;

    /// <param name="steps">Coordinates per step, at most one per book; those beyond the last frame are placeholders of delayed books.</param>
    /// <param name="frames">Base frames T that the plan was made for.</param>
    /// <param name="strides">Base frames per code, one per book.</param>
    /// <param name="permuted">Whether a book may visit its frames in any order; else they never go backwards.</param>
    /// <exception cref="ConfigException">The layout breaks these rules.</exception>
    public Pattern(IReadOnlyList<IReadOnlyList<Coordinate>> steps, int frames, IReadOnlyList<int> strides, bool permuted = false)
    {
        _steps = steps.Select(s => s.ToArray()).ToArray();
        _strides = strides.ToArray();
        Frames = frames;
        Permuted = permuted;
        Validate();
    }

    /// <summary>Coordinates of every step, the start step included.</summary>
    public IReadOnlyList<IReadOnlyList<Coordinate>> Steps => _steps;

    /// <summary>K.</summary>
    public int Books => _strides.Length;

    /// <summary>Base frames that the plan was made for.</summary>
    public int Frames { get; }

    /// <summary>Whether books visit their frames in an order other than time.</summary>
    public bool Permuted { get; }

    /// <summary>Whether step 0 holds only start tokens, so that model outputs shift by one.</summary>
    public bool StartsWithSpecial => _steps.Length > 0 && _steps[0].Length == 0;

    /// <summary>Steps after step 0.</summary>
    public int SequenceSteps => _steps.Length - 1;

    /// <summary>Base frames by which the layout runs past the last frame.</summary>
    public int MaxDelay => _steps.SelectMany(s => s).Select(c => c.Time * _strides[c.Book] + 1).Append(Frames).Max() - Frames;

    /// <summary>Steps that hold no placeholder: all but the last <see cref="MaxDelay"/>.</summary>
    public int ValidSteps => Math.Max(0, _steps.Length - MaxDelay);

    /// <summary>Two-level positions: for each step but the last the base frame and the book that the step after it holds first.</summary>
    public (int Frame, int Book)[] Levels()
        => Enumerable.Range(1, SequenceSteps).Select(s => _steps[s].Length == 0 ? (0, 0) : _steps[s].Select(c => (Frame: c.Time * _strides[c.Book], c.Book)).MinBy(c => c.Book)).ToArray();

    /// <summary>Codes of a book for a number of base frames.</summary>
    public int Length(int book, int? frames = null) => ((frames ?? Frames) + _strides[book] - 1) / _strides[book];

    /// <summary>Codes of all books: also the gather index of the special token.</summary>
    public int CodeCount(int? frames = null) => Enumerable.Range(0, Books).Sum(q => Length(q, frames));

    /// <summary>For each book and step the gather index into the flattened codes; <see cref="CodeCount"/> for the special token.</summary>
    /// <param name="frames">Base frames of the codes at hand; null = all. Codes beyond them read as special.</param>
    /// <param name="validOnly">Only <see cref="ValidSteps"/>.</param>
    /// <returns>[K][S].</returns>
    public int[][] BuildIndex(int? frames = null, bool validOnly = false)
    {
        var count = frames ?? Frames;
        Require.InRange(count, 0, Frames, nameof(frames));
        var steps = validOnly ? ValidSteps : _steps.Length;
        var special = CodeCount(count);
        var index = Filled(steps, special);
        var offset = 0;
        var offsets = Enumerable.Range(0, Books).Select(q => (offset += Length(q, count)) - Length(q, count)).ToArray();
        for (var s = 0; s < steps; s++)
            foreach (var (t, q) in _steps[s])
                if (t < Length(q, count))
                    index[q][s] = offsets[q] + t;
        return index;
    }

    /// <summary>Whether a code stands at each place: what training scores and sampling writes.</summary>
    /// <returns>[K][S].</returns>
    public bool[][] Mask(int? frames = null, bool validOnly = false)
    {
        var special = CodeCount(frames);
        return BuildIndex(frames, validOnly).Select(row => row.Select(i => i != special).ToArray()).ToArray();
    }

    /// <summary>Interleaves codes.</summary>
    /// <param name="codes_KT">[K][T_k].</param>
    /// <param name="special">Token where no code stands.</param>
    /// <param name="validOnly">Only <see cref="ValidSteps"/>.</param>
    /// <returns>[K][S].</returns>
    public int[][] Build(int[][] codes_KT, int special, bool validOnly = false)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(codes_KT.Length, Books);
        var steps = validOnly ? ValidSteps : _steps.Length;
        var sequence = Filled(steps, special);
        for (var s = 0; s < steps; s++)
            foreach (var (t, q) in _steps[s])
                if (t < codes_KT[q].Length)
                    sequence[q][s] = codes_KT[q][t];
        return sequence;
    }

    /// <summary>For each book and code the gather index q*S + s into a flattened sequence; K*S where the code is not reached.</summary>
    /// <param name="steps">S: steps at hand, from the first; null = all.</param>
    /// <returns>[K][T_k].</returns>
    public int[][] RevertIndex(int? steps = null) => Reverted(Math.Min(steps ?? _steps.Length, _steps.Length), steps ?? _steps.Length, 0);

    /// <summary>As <see cref="RevertIndex"/> for model outputs: the output at position s predicts step s + 1 where step 0 is a start step.</summary>
    /// <param name="outputs">S: model outputs at hand; null = one per step.</param>
    /// <param name="validOnly">Predictions of <see cref="ValidSteps"/> only.</param>
    /// <returns>[K][T_k].</returns>
    public int[][] RevertLogitsIndex(int? outputs = null, bool validOnly = false)
    {
        var shift = StartsWithSpecial ? 1 : 0;
        var count = outputs ?? _steps.Length;
        return Reverted(Math.Min(count + shift, validOnly ? ValidSteps : _steps.Length), count, shift);
    }

    /// <summary>Takes the codes back out of a sequence.</summary>
    /// <param name="sequence_KS">[K][S], possibly cut short.</param>
    /// <param name="fill">Value of codes that are not reached.</param>
    /// <returns>[K][T_k].</returns>
    public int[][] Revert(int[][] sequence_KS, int fill)
        => RevertIndex(sequence_KS[0].Length).Select((row, q) => row.Select(i =>
            i == Books * sequence_KS[q].Length ? fill : sequence_KS[q][i % sequence_KS[q].Length]).ToArray()).ToArray();

    /// <summary>Sorts model outputs by code.</summary>
    /// <param name="logits_KSV">[K, S, V], row-major.</param>
    /// <param name="vocabulary">V.</param>
    /// <param name="fill">Value where no output predicts the code.</param>
    /// <param name="validOnly">Predictions of <see cref="ValidSteps"/> only.</param>
    /// <returns>[K, T, V], ragged in T, row-major.</returns>
    public float[] RevertLogits(ReadOnlySpan<float> logits_KSV, int vocabulary, float fill = float.NaN, bool validOnly = false)
    {
        var outputs = logits_KSV.Length / (Books * vocabulary);
        ArgumentOutOfRangeException.ThrowIfNotEqual(logits_KSV.Length, outputs * Books * vocabulary);
        var reverted = new float[CodeCount() * vocabulary];
        var at = 0;
        foreach (var i in RevertLogitsIndex(outputs, validOnly).SelectMany(row => row))
        {
            var target = reverted.AsSpan(at, vocabulary);
            if (i == Books * outputs)
                target.Fill(fill);
            else
                logits_KSV.Slice(i * vocabulary, vocabulary).CopyTo(target);
            at += vocabulary;
        }
        return reverted;
    }

    /// <summary>Where codes of a time index sit: one (step, book) for each book that has it, in order.</summary>
    public IEnumerable<(int Step, int Book)> StepsOf(int time)
        => Enumerable.Range(0, _steps.Length).SelectMany(s => _steps[s].Where(c => c.Time == time).Select(c => (s, c.Book)));

    /// <summary>The first step that holds a code of base frame <paramref name="frame"/> or later; null if none does.</summary>
    public int? FirstStepFrom(int frame)
    {
        for (var s = 0; s < _steps.Length; s++)
            if (_steps[s].Any(c => c.Time * _strides[c.Book] >= frame))
                return s;
        return null;
    }

    /// <summary>For n = 1..T the number of steps (start step not counted as work) after which the first n base frames are complete.</summary>
    public int[] StepsUntilComplete()
    {
        var done = new int[Frames];
        for (var s = 0; s < _steps.Length; s++)
            foreach (var (t, q) in _steps[s])
                if (t * _strides[q] < Frames)
                    done[t * _strides[q]] = s;
        for (var t = 1; t < Frames; t++)
            done[t] = Math.Max(done[t], done[t - 1]);
        return StartsWithSpecial ? done : Array.ConvertAll(done, s => s + 1);
    }

    private int[][] Reverted(int reach, int width, int shift)
    {
        var index = Enumerable.Range(0, Books).Select(q => Enumerable.Repeat(Books * width, Length(q)).ToArray()).ToArray();
        for (var s = shift; s < reach; s++)
            foreach (var (t, q) in _steps[s])
                if (t < index[q].Length)
                    index[q][t] = q * width + s - shift;
        return index;
    }

    private int[][] Filled(int steps, int value)
        => Enumerable.Range(0, Books).Select(_ => Enumerable.Repeat(value, steps).ToArray()).ToArray();

    private void Validate()
    {
        Require.Positive(Frames);
        var seen = new HashSet<Coordinate>();
        var last = Enumerable.Repeat(-1, Books).ToArray();
        for (var s = 0; s < _steps.Length; s++)
        {
            Require.That(_steps[s].DistinctBy(c => c.Book).Count() == _steps[s].Length, $"step {s}", "at most one code per book", _steps[s].Length);
            foreach (var c in _steps[s])
            {
                Require.That(c.Book >= 0 && c.Book < Books && c.Time >= 0, $"step {s}", $"time >= 0 and book below {Books}", c);
                Require.That(seen.Add(c), $"step {s}", "a code that no earlier step holds", c);
                Require.That(Permuted || c.Time > last[c.Book], $"step {s}", $"a time after {last[c.Book]}", c);
                last[c.Book] = c.Time;
            }
        }
    }
}
