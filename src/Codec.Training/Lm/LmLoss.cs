using Codec.Core;
using Codec.Speech.Lm;
using Codec.Speech.Patterns;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Training.Lm;

/// <summary>Interleaved sequences of a batch, padded to one length.</summary>
/// <param name="Tokens_BKS">int64 inputs.</param>
/// <param name="Targets_BKS">int64, one step on; -100 where nothing is predicted.</param>
/// <param name="Codes">Codes predicted, per book.</param>
public sealed record LmBatch(Tensor Tokens_BKS, Tensor Targets_BKS, long[] Codes);

/// <summary>Cross entropy of codes in the order of a pattern.</summary>
public sealed class LmLoss
{
    private const long Ignored = -100;
    private readonly PatternSpec _spec;
    private readonly IReadOnlyList<CodebookSpec> _books;
    private readonly Dictionary<int, Pattern> _patterns = [];

    public LmLoss(PatternSpec spec, IReadOnlyList<CodebookSpec> books) => (_spec, _books) = (spec, books);

    /// <summary>Interleaves and pads.</summary>
    /// <param name="items">[K][..] codes each.</param>
    /// <param name="frames">Base frames of each.</param>
    public LmBatch Build(IReadOnlyList<int[][]> items, IReadOnlyList<int> frames, Device device)
    {
        var patterns = frames.Select(Pattern).ToArray();
        var steps = patterns.Max(p => p.Steps.Count) - 1;
        var books = _books.Count;
        var tokens = new long[items.Count * books * steps];
        var targets = new long[tokens.Length];
        Array.Fill(targets, Ignored);
        var codes = new long[books];
        for (var b = 0; b < items.Count; b++)
        {
            var mask = patterns[b].Mask();
            for (var k = 0; k < books; k++)
            {
                var row = patterns[b].Build(items[b], _books[k].Size)[k];
                for (var s = 0; s < steps; s++)
                {
                    var at = (b * books + k) * steps + s;
                    tokens[at] = s < row.Length ? row[s] : _books[k].Size;
                    if (s + 1 >= row.Length || !mask[k][s + 1])
                        continue;
                    targets[at] = row[s + 1];
                    codes[k]++;
                }
            }
        }
        long[] shape = [items.Count, books, steps];
        return new LmBatch(tensor(tokens, shape, device: device), tensor(targets, shape, device: device), codes);
    }

    /// <summary>Mean over books of the mean nats per code, and the nats of each book.</summary>
    /// <returns>A differentiable scalar, and [K] means.</returns>
    public (Tensor Loss, Tensor PerBook_K) Compute(SpeechLm model, LmBatch batch)
    {
        using var scope = NewDisposeScope();
        var hidden = model.Hidden(batch.Tokens_BKS);
        var perBook = stack(Enumerable.Range(0, _books.Count).Select(k => nn.functional.cross_entropy(
            model.Head(hidden, k).flatten(0, 1), batch.Targets_BKS.select(1, k).flatten(), ignore_index: Ignored)));
        return (perBook.mean().MoveToOuterDisposeScope(), perBook.detach().MoveToOuterDisposeScope());
    }

    private Pattern Pattern(int frames)
    {
        if (!_patterns.TryGetValue(frames, out var pattern))
            _patterns[frames] = pattern = _spec.Build(_books, frames);
        return pattern;
    }
}
