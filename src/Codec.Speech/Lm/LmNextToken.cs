using Codec.Audio;
using Codec.Speech.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Speech.Lm;

/// <summary>
/// A language model as searches see it. Hypotheses share a cache of sessions: one that extends a hypothesis read before costs one step, its siblings
/// copy the session, and one whose sessions are gone is read again.
/// </summary>
public sealed class LmNextToken : INextTokenModel, IDisposable
{
    private readonly FlatStream _stream;
    private readonly int[] _prompt;
    private readonly int? _length;
    private readonly KvCache _cache;
    private readonly Hypothesis?[] _held; // what each session has read; null = nothing of use
    private readonly long[] _used;
    private long _clock;

    /// <param name="model">In evaluation mode: text, or codes in the flat pattern, books of one size.</param>
    /// <param name="prompt">Tokens before the search.</param>
    /// <param name="end">The model's own end token; null = the sequence has a given length, and an end token is put after the vocabulary.</param>
    /// <param name="length">Tokens to be found, without an end token; where <paramref name="end"/> is null, else a bound.</param>
    /// <param name="sessions">Hypotheses kept: at least twice those asked about together.</param>
    public LmNextToken(SpeechLm model, ReadOnlySpan<int> prompt, int? end, int length, int sessions = 32)
    {
        Require.InRange(sessions, 2, 4096);
        Require.That(model.Config.Vocabulary.All(v => v == model.Config.Vocabulary[0]), "vocabulary", "books of one size", "others");
        (_stream, _prompt, _length) = (new FlatStream(model), prompt.ToArray(), end is null ? length : null);
        (Vocabulary, End) = end is null ? (model.Config.Vocabulary[0] + 1, model.Config.Vocabulary[0]) : (model.Config.Vocabulary[0], end.Value);
        _cache = new KvCache(model.Config.Transformer, sessions, _prompt.Length + length + 2, device: model.Device);
        _held = new Hypothesis?[sessions];
        _used = new long[sessions];
    }

    public int Vocabulary { get; }

    public int End { get; }

    /// <summary>Token positions that the model has read: what a search costs.</summary>
    public long PositionsRead { get; private set; }

    /// <inheritdoc/>
    public double[][] LogProbabilities(IReadOnlyList<Hypothesis> prefixes)
    {
        if (2 * prefixes.Count > _held.Length)
            throw new ArgumentException($"{prefixes.Count} hypotheses need {2 * prefixes.Count} sessions, there are {_held.Length}", nameof(prefixes));
        using var mode = inference_mode();
        using var scope = NewDisposeScope();
        _clock++;
        var slots = Place(prefixes);
        var tokens = prefixes.Select(p => (int[])[-1, .. _prompt, .. p.Tokens()]).ToArray();
        for (var i = 0; i < slots.Length; i++)
            if (_cache.Length(slots[i]) is var known && known < tokens[i].Length - 1)
                Read([slots[i]], [tokens[i][(int)known..^1]], [(int)known - 1]);
        var hidden = Read(slots, tokens.Select(t => t[^1..]).ToArray(), tokens.Select(t => t.Length - 2).ToArray());
        return prefixes.Select((p, i) => Scores(hidden[i], p.Length)).ToArray();
    }

    public void Dispose() => _cache.Dispose();

    private Tensor Read(int[] slots, int[][] tokens, int[] first)
    {
        PositionsRead += slots.Length * tokens[0].Length;
        return _stream.Read(_cache, slots, tokens, first);
    }

    private double[] Scores(Tensor hidden, int found)
    {
        var logits = _stream.Logits(hidden, _prompt.Length + found);
        var scores = new double[Vocabulary];
        for (var i = 0; i < logits.Length; i++)
            scores[i] = logits[i];
        LogMath.LogSoftmax(scores.AsSpan(0, logits.Length));
        if (_length is { } length)
        {
            if (found >= length)
                Array.Fill(scores, double.NegativeInfinity);
            scores[End] = found >= length ? 0 : double.NegativeInfinity;
        }
        return scores;
    }

    // A session for each hypothesis, cut back to what both have in common and short of the last token.
    private int[] Place(IReadOnlyList<Hypothesis> prefixes)
    {
        var sources = prefixes.Select(Best).ToArray();
        var slots = new int[prefixes.Count];
        for (var i = 0; i < slots.Length; i++)
        {
            var (slot, _) = sources[i];
            // The last hypothesis that comes from a session takes it over; the others copy.
            var last = slot >= 0 && Array.FindLastIndex(sources, s => s.Slot == slot) == i;
            slots[i] = last ? slot : Oldest(sources, slots.AsSpan(0, i));
            if (slot >= 0 && !last)
                _cache.Copy(slot, slots[i]);
            else if (slot < 0)
                _cache.Reset(slots[i]);
        }
        for (var i = 0; i < slots.Length; i++)
        {
            var most = _prompt.Length + prefixes[i].Length; // all but the last of start, prompt and tokens
            _cache.Rewind(slots[i], Math.Min(Math.Min(sources[i].Known, most), _cache.Length(slots[i])));
            _held[slots[i]] = prefixes[i];
            _used[slots[i]] = _clock;
        }
        return slots;
    }

    // The session with the longest common beginning: its length with start and prompt.
    private (int Slot, int Known) Best(Hypothesis prefix)
    {
        var (best, known) = (-1, 0);
        for (var slot = 0; slot < _held.Length; slot++)
            if (_held[slot] is { } held && 1 + _prompt.Length + Common(held, prefix) is var both && both > known)
                (best, known) = (slot, both);
        return (best, known);
    }

    private static int Common(Hypothesis a, Hypothesis b)
    {
        while (a != b)
        {
            if (a.Parent is null && b.Parent is null)
                return 0; // roots of two searches: the prompt is the same
            if (a.Length >= b.Length)
                a = a.Parent!;
            else
                b = b.Parent!;
        }
        return a.Length;
    }

    private int Oldest((int Slot, int Known)[] sources, ReadOnlySpan<int> taken)
    {
        var best = -1;
        for (var slot = 0; slot < _held.Length; slot++)
            if (!taken.Contains(slot) && !sources.Any(s => s.Slot == slot) && (best < 0 || _used[slot] < _used[best]))
                best = slot;
        return best;
    }
}
