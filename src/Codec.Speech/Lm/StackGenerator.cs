using Codec.Audio;
using Codec.Speech.Patterns;
using Codec.Speech.Sampling;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Speech.Lm;

/// <summary>
/// Generates codes in the order of a <see cref="StackPlan"/>: all codes of a pass in one call, each at a position of its own; what the
/// partial stacks left in the cache is dropped after the pass, so that it holds one entry per frame.
/// </summary>
public sealed class StackGenerator
{
    private readonly SpeechLm _model;
    private readonly Sampler _sampler;
    private readonly int _parts;

    /// <param name="model">In evaluation mode, with K direct heads.</param>
    /// <param name="sampler">Guidance included.</param>
    public StackGenerator(SpeechLm model, SamplerConfig sampler)
    {
        Require.That(model.Depth is null, "model", "direct heads for a stack pattern", "a depth transformer");
        _model = model;
        _sampler = new Sampler(sampler);
        _parts = sampler.GuidanceParts;
    }

    /// <summary>Runs a batch to its end.</summary>
    /// <param name="plan">For the final length.</param>
    /// <param name="prompts">One per row: [K][..] known codes; null = none.</param>
    /// <param name="uniforms">Random numbers; steps are passes.</param>
    /// <param name="conditions">B rows; with guidance 2B or 3B, as for <see cref="PatternGenerator"/>.</param>
    /// <returns>[B][K][T].</returns>
    public int[][][] Generate(StackPlan plan, IReadOnlyList<int[][]?> prompts, UniformSource uniforms, LmConditions? conditions = null)
    {
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var codes = prompts.Select(prompt => Start(prompt, plan)).ToArray();
        var positions = plan.Positions();
        var start = positions.FirstOrDefault(p => p.Predicts is { } c && codes.Any(row => row[c.Book][c.Time] < 0))?.Pass ?? plan.Passes;
        var slots = Enumerable.Range(0, codes.Length * _parts).ToArray();
        var prefix = (int)(conditions?.Prepend?.shape[1] ?? 0);
        using var cache = new KvCache(_model.Config.Transformer, slots.Length, prefix + positions.Count(p => p.Stays) + plan.Books, device: _model.Device);
        // Of known passes only the full stacks matter.
        var known = positions.Where(p => p.Pass < start && p.Stays).ToArray();
        if (known.Length > 0)
            Read(known, codes, cache, slots, prefix, conditions);
        foreach (var pass in positions.Where(p => p.Pass >= start).GroupBy(p => p.Pass))
        {
            using var temporaries = NewDisposeScope();
            var now = pass.ToArray();
            var hidden = Read(now, codes, cache, slots, prefix, conditions);
            var keep = now.Count(p => p.Stays);
            foreach (var slot in slots)
                cache.Rewind(slot, cache.Length(slot) - now.Length + keep);
            for (var i = 0; i < now.Length; i++)
                if (now[i].Predicts is { } code)
                    Write(codes, code, hidden.narrow(1, i, 1), (row, book) => uniforms(pass.Key - start, row, book));
        }
        return codes;
    }

    /// <summary>Tokens of a position: a full stack, a partial one, or the start token.</summary>
    /// <param name="codes_KT">Known codes.</param>
    /// <param name="start">Start token of each book.</param>
    /// <param name="book">Which token.</param>
    /// <returns>-1 = nothing.</returns>
    public static int Token(StackPosition position, int[][] codes_KT, IReadOnlyList<int> start, int book)
        => position.Holds < 0 ? start[book] : book < position.Levels ? codes_KT[book][position.Holds] : -1;

    private static int[][] Start(int[][]? prompt, StackPlan plan)
        => Enumerable.Range(0, plan.Books).Select(k =>
        {
            var row = Enumerable.Repeat(-1, plan.Order.Count).ToArray();
            (prompt?[k] ?? []).CopyTo(row, 0);
            return row;
        }).ToArray();

    private Tensor Read(StackPosition[] positions, int[][][] codes, KvCache cache, int[] slots, int prefix, LmConditions? conditions)
    {
        var books = _model.Streams;
        var tokens = new long[slots.Length * books * positions.Length];
        for (var row = 0; row < slots.Length; row++)
            for (var k = 0; k < books; k++)
                for (var i = 0; i < positions.Length; i++)
                    tokens[(row * books + k) * positions.Length + i] = Token(positions[i], codes[row % codes.Length], _model.Config.Vocabulary, k);
        var visible = new bool[positions.Length, positions.Length];
        for (var i = 0; i < positions.Length; i++)
            for (var j = 0; j < positions.Length; j++)
                visible[i, j] = positions[i].Sees(positions[j]);
        var chunk = new LmChunk(positions.Select(p => (long)p.QueryPosition + prefix).ToArray(), positions.Select(p => (long)p.KeyPosition + prefix).ToArray(),
            positions.Select(p => (long)(p.Predicts?.Book ?? 0)).ToArray(), visible);
        return _model.Hidden(tensor(tokens, device: _model.Device).view(slots.Length, books, positions.Length), cache, slots, conditions, chunk);
    }

    private void Write(int[][][] codes, Coordinate code, Tensor hidden_R1D, Func<int, int, double> uniforms)
    {
        var vocabulary = _model.Config.Vocabulary[code.Book];
        var logits = _model.Head(hidden_R1D, code.Book).cpu().contiguous().data<float>().ToArray();
        for (var row = 0; row < codes.Length; row++)
            if (codes[row][code.Book][code.Time] < 0)
                codes[row][code.Book][code.Time] = _sampler.Sample(
                    PatternGenerator.Guided(_sampler.Config, logits, row, codes.Length, vocabulary), uniforms(row, code.Book), History(codes[row][code.Book], code.Time));
    }

    // The known codes before it in time.
    private int[] History(int[] row, int time)
        => row[Math.Max(0, time - _sampler.Config.RepetitionWindow)..time].Where(c => c >= 0).ToArray();
}
