using Codec.Audio;
using Codec.Core;
using Codec.Speech.Lm;
using Codec.Speech.Patterns;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Training.Lm;

/// <summary>Interleaved sequences of a batch, padded to one length.</summary>
/// <param name="Tokens_BKS">int64 inputs.</param>
/// <param name="Targets_BKS">int64: what each position predicts; -100 where nothing is.</param>
/// <param name="Codes">Codes predicted, per book.</param>
/// <param name="Positions">Where the positions stand, if not one step after the other.</param>
/// <param name="Conditions">What each row is told; null = nothing.</param>
public sealed record LmBatch(Tensor Tokens_BKS, Tensor Targets_BKS, long[] Codes, LmPositions? Positions = null, IReadOnlyList<LmCondition>? Conditions = null);

/// <summary>Cross entropy of codes in the order of a pattern.</summary>
public sealed class LmLoss
{
    private const long Ignored = -100;
    private readonly PatternSpec _spec;
    private readonly IReadOnlyList<CodebookSpec> _books;
    private readonly bool _levels;
    private readonly Dictionary<int, Rows> _rows = [];

    /// <param name="spec">Any pattern with a start step; stack patterns need books of one rate.</param>
    /// <param name="books">K.</param>
    /// <param name="levels">Whether the model is told frame and book of each step.</param>
    /// <exception cref="Codec.Audio.ConfigException">The pattern does not fit the books.</exception>
    public LmLoss(PatternSpec spec, IReadOnlyList<CodebookSpec> books, bool levels = false)
    {
        (_spec, _books, _levels) = (spec, books, levels);
        Require.That(spec is not (PatternSpec.Stack or PatternSpec.StackDelay) || books.All(b => b.Stride == 1), "pattern", "books of one rate for a stack pattern", "several rates");
        Require.That(spec.Build(books, books.Max(b => b.Stride)).StartsWithSpecial, "pattern", "a start step", "none");
    }

    /// <summary>Interleaves and pads.</summary>
    /// <param name="items">[K][..] codes each.</param>
    /// <param name="frames">Base frames of each.</param>
    public LmBatch Build(IReadOnlyList<int[][]> items, IReadOnlyList<int> frames, Device device, IReadOnlyList<LmCondition>? conditions = null)
    {
        var rows = frames.Select(Layout).ToArray();
        var steps = rows.Max(r => r.Steps);
        var books = _books.Count;
        var tokens = new long[items.Count * books * steps];
        var targets = new long[tokens.Length];
        Array.Fill(targets, Ignored);
        var codes = new long[books];
        for (var b = 0; b < items.Count; b++)
            for (var k = 0; k < books; k++)
                for (var s = 0; s < steps; s++)
                {
                    var at = (b * books + k) * steps + s;
                    tokens[at] = s < rows[b].Steps ? rows[b].Token(items[b], k, s) : _books[k].Size;
                    if (s >= rows[b].Steps || rows[b].Target(items[b], k, s) is not { } target)
                        continue;
                    targets[at] = target;
                    codes[k]++;
                }
        long[] shape = [items.Count, books, steps];
        return new LmBatch(tensor(tokens, shape, device: device), tensor(targets, shape, device: device), codes, Positions(rows, steps, device), conditions);
    }

    /// <summary>Mean over books of the mean nats per code, and the nats of each book.</summary>
    /// <returns>A differentiable scalar, and [K] means.</returns>
    public (Tensor Loss, Tensor PerBook_K) Compute(SpeechLm model, LmBatch batch)
    {
        using var scope = NewDisposeScope();
        var conditions = batch.Conditions is null ? null : model.Encode(batch.Conditions);
        var hidden = model.HiddenAt(batch.Tokens_BKS, batch.Positions, conditions);
        var perBook = stack(model.Depth is null ? Direct(model, hidden, batch.Targets_BKS, 0) : Deep(model, hidden, batch.Targets_BKS));
        var loss = perBook.mean();
        // Draft heads learn beside the model and leave it alone.
        for (var i = 0; i < (model.Draft?.Count ?? 0); i++)
            loss = loss + stack(Direct(model, model.Draft!.Forward(hidden.detach(), i), batch.Targets_BKS, i + 1)).mean();
        conditions?.Cross?.Dispose();
        return (loss.MoveToOuterDisposeScope(), perBook.detach().MoveToOuterDisposeScope());
    }

    // Each head runs on the positions that predict its book alone.
    private Tensor[] Direct(SpeechLm model, Tensor hidden_BSD, Tensor targets_BKS, int ahead)
    {
        var flat = hidden_BSD.narrow(1, 0, hidden_BSD.shape[1] - ahead).flatten(0, 1);
        return Enumerable.Range(0, _books.Count).Select(k =>
        {
            var targets = targets_BKS.select(1, k).narrow(1, ahead, targets_BKS.shape[2] - ahead).flatten();
            var places = targets.ge(0).nonzero().squeeze(1);
            return nn.functional.cross_entropy(model.Head(flat.index_select(0, places), k), targets.index_select(0, places));
        }).ToArray();
    }

    private Tensor[] Deep(SpeechLm model, Tensor hidden_BSD, Tensor targets_BKS)
    {
        var targets_KN = targets_BKS.transpose(0, 1).flatten(1, 2);
        var places = targets_KN.ge(0).any(0).nonzero().squeeze(1);
        var wanted = targets_KN.index_select(1, places);
        var hidden = hidden_BSD.flatten(0, 1).index_select(0, places);
        var start = tensor(_books.Select(b => (long)b.Size).ToArray(), device: wanted.device).unsqueeze(1);
        var logits = model.Depth!.Forward(hidden, wanted.where(wanted.ge(0), start));
        return logits.Prepend(model.Head(hidden, 0)).Select((l, k) => nn.functional.cross_entropy(l, wanted[k], ignore_index: Ignored)).ToArray();
    }

    private LmPositions? Positions(Rows[] rows, int steps, Device device)
    {
        if (rows[0].Query is null)
            return null;
        // Rows of one length share positions and mask.
        var distinct = rows.Distinct().Count() == 1 ? rows[..1] : rows;
        Tensor Padded(Func<Rows, long[]> select) => tensor(distinct.SelectMany(r => select(r).Concat(new long[steps - r.Steps])).ToArray(), device: device).view(distinct.Length, steps);
        return new LmPositions(Padded(r => r.Query!), rows[0].Key is null ? null : Padded(r => r.Key!),
            rows[0].Hidden is null ? null : stack(distinct.Select(r => Mask(r, steps, device))), _levels ? Padded(r => r.Book!) : null);
    }

    private static Tensor Mask(Rows row, int steps, Device device)
    {
        var mask = zeros([1, steps, steps], device: device).masked_fill_(eye(steps, steps, ScalarType.Bool, device).logical_not(), float.NegativeInfinity);
        mask.narrow(1, 0, row.Steps).narrow(2, 0, row.Steps).copy_(tensor(row.Hidden!, device: device).view(1, row.Steps, row.Steps));
        return mask;
    }

    private Rows Layout(int frames)
    {
        if (!_rows.TryGetValue(frames, out var rows))
            _rows[frames] = rows = StackPlan.Of(_spec, _books.Count, frames) is { } plan
                ? Rows.Of(plan, _books) : Rows.Of(_spec.Build(_books, frames), _books, _levels);
        return rows;
    }

    /// <summary>What a row of a number of frames looks like: for each place which code is read and which predicted.</summary>
    private sealed class Rows
    {
        public required int[][] Read { get; init; }     // [K][S] time index; -1 = start token, -2 = nothing
        public required int[][] Predict { get; init; }  // [K][S] time index; -1 = nothing
        public required int[] Start { get; init; }
        public required int Steps { get; init; }
        public long[]? Query { get; private init; }
        public long[]? Key { get; private init; }
        public long[]? Book { get; private init; }
        public float[]? Hidden { get; private init; }    // [S, S]

        public long Token(int[][] codes, int book, int step)
            => Read[book][step] switch { -1 => Start[book], -2 => -1, var t => codes[book][t] };

        public long? Target(int[][] codes, int book, int step) => Predict[book][step] is var t && t >= 0 ? codes[book][t] : null;

        public static Rows Of(Pattern pattern, IReadOnlyList<CodebookSpec> books, bool levels)
        {
            var steps = pattern.SequenceSteps;
            int[][] Times(int from) => Enumerable.Range(0, books.Count).Select(k => Enumerable.Range(from, steps).Select(s =>
                pattern.Steps[s].FirstOrDefault(c => c.Book == k && c.Time < pattern.Length(k), new Coordinate(-1, k)).Time).ToArray()).ToArray();
            var known = levels ? pattern.Levels() : null;
            return new Rows
            {
                Read = Times(0), Predict = Times(1), Start = books.Select(b => b.Size).ToArray(), Steps = steps,
                Query = known?.Select(l => (long)l.Frame).ToArray(), Book = known?.Select(l => (long)l.Book).ToArray(),
            };
        }

        public static Rows Of(StackPlan plan, IReadOnlyList<CodebookSpec> books)
        {
            var positions = plan.Positions();
            var hidden = new float[positions.Count * positions.Count];
            for (var i = 0; i < positions.Count; i++)
                for (var j = 0; j < positions.Count; j++)
                    hidden[i * positions.Count + j] = positions[i].Sees(positions[j]) ? 0 : float.NegativeInfinity;
            int[][] ByBook(Func<StackPosition, int, int> select) => Enumerable.Range(0, books.Count).Select(k => positions.Select(p => select(p, k)).ToArray()).ToArray();
            return new Rows
            {
                Read = ByBook((p, k) => p.Holds < 0 ? -1 : k < p.Levels ? p.Holds : -2),
                Predict = ByBook((p, k) => p.Predicts is { } c && c.Book == k ? c.Time : -1),
                Start = books.Select(b => b.Size).ToArray(), Steps = positions.Count,
                Query = positions.Select(p => (long)p.QueryPosition).ToArray(), Key = positions.Select(p => (long)p.KeyPosition).ToArray(),
                Book = positions.Select(p => (long)(p.Predicts?.Book ?? 0)).ToArray(), Hidden = hidden,
            };
        }
    }
}
