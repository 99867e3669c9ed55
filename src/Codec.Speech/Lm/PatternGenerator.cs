using Codec.Speech.Patterns;
using Codec.Speech.Sampling;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Speech.Lm;

/// <summary>Where the uniform numbers of a generation come from: step of the generation (0 = first sampled), row, book.</summary>
public delegate double UniformSource(int step, int row, int book);

/// <summary>
/// Generates codes in the order of a pattern: the prompt in one pass, then one step per pass. With guidance the batch holds every row
/// two or three times: rows B.. carry the partial conditions where guidance is double, the last B the null conditions.
/// </summary>
public sealed class PatternGenerator
{
    private readonly SpeechLm _model;
    private readonly Sampler _sampler;
    private readonly int _parts;

    /// <param name="model">In evaluation mode, with K direct heads or a depth transformer over the books.</param>
    /// <param name="sampler">Guidance included.</param>
    public PatternGenerator(SpeechLm model, SamplerConfig sampler)
    {
        _model = model;
        _sampler = new Sampler(sampler);
        _parts = sampler.GuidanceParts;
    }

    /// <summary>Eight-bit keys and values: a quarter of the memory, not quite the same result.</summary>
    public bool Int8Cache { get; init; }

    /// <summary>Runs a batch to its end.</summary>
    /// <param name="pattern">Plan for the final length, with a start step; of a stack pattern, use <see cref="StackGenerator"/>.</param>
    /// <param name="prompts">One per row: [K][..] known codes; null = none.</param>
    /// <param name="uniforms">Random numbers.</param>
    /// <param name="conditions">B rows; with guidance 2B or 3B.</param>
    /// <returns>[B][K][T_k].</returns>
    public int[][][] Generate(Pattern pattern, IReadOnlyList<int[][]?> prompts, UniformSource uniforms, LmConditions? conditions = null)
    {
        if (!pattern.StartsWithSpecial)
            throw new ArgumentException("the pattern has no start step", nameof(pattern));
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var states = prompts.Select(prompt => new GenerationState(pattern, _model.Config.Vocabulary, prompt)).ToArray();
        var start = states.Min(s => s.PromptSteps);
        var slots = Enumerable.Range(0, states.Length * _parts).ToArray();
        var prefix = (int)(conditions?.Prepend?.shape[1] ?? 0);
        using var cache = new KvCache(_model.Config.Transformer, slots.Length, prefix + pattern.Steps.Count, device: _model.Device, int8: Int8Cache);
        var levels = _model.Config.BookPositions ? pattern.Levels() : null;
        for (var (read, step) = (0, start); step < pattern.Steps.Count; (read, step) = (step, step + 1))
        {
            using var pass = NewDisposeScope();
            using var tokens = Read(states, read, step, slots.Length);
            var hidden = _model.Hidden(tokens, cache, slots, conditions, Chunk(levels, read, step, prefix));
            Write(states, step, hidden.narrow(1, step - read - 1, 1), (index, row, book) => uniforms(index - start, row, book));
            if (step == start && !Int8Cache && conditions?.Cross is null && LmDecoder.Fits(_model))
            {
                Decode(states, start, cache, conditions?.Sum, uniforms);
                break;
            }
        }
        return states.Select(s => s.Codes()).ToArray();
    }

    // The steps after the prompt by our own kernels.
    private void Decode(GenerationState[] states, int start, KvCache cache, Tensor? sum, UniformSource uniforms)
    {
        var (rows, books, vocabulary) = (states.Length * _parts, _model.Streams, _model.Config.Vocabulary[0]);
        using var decoder = new LmDecoder(_model, rows, (int)cache.Length(0) + states[0].Steps - start);
        for (var row = 0; row < rows; row++)
            decoder.Import(cache, row, row);
        var added = sum?.expand(rows, -1, -1).contiguous().data<float>().ToArray();
        var tokens = new int[rows * books];
        var logits = new float[rows * books * vocabulary];
        var chosen = states.Select(_ => new int[books]).ToArray();
        var book = new float[rows * vocabulary];
        for (var step = start + 1; step < states[0].Steps; step++)
        {
            for (var row = 0; row < rows; row++)
                states[row % states.Length].Read(step - 1, tokens.AsSpan(row * books, books));
            decoder.Step(tokens, logits, added);
            for (var k = 0; k < books; k++)
            {
                for (var row = 0; row < rows; row++)
                    logits.AsSpan((row * books + k) * vocabulary, vocabulary).CopyTo(book.AsSpan(row * vocabulary));
                Sample(states, step, k, book, chosen, (_, row, stream) => uniforms(step - start, row, stream));
            }
            Advance(states, step, chosen);
        }
    }

    private static LmChunk? Chunk((int Frame, int Book)[]? levels, int from, int to, int prefix)
        => levels is null ? null : new LmChunk(levels[from..to].Select(l => (long)l.Frame + prefix).ToArray(), null, levels[from..to].Select(l => (long)l.Book).ToArray());

    private Tensor Read(GenerationState[] states, int from, int to, int rows)
    {
        var books = _model.Streams;
        var tokens = new long[rows * books * (to - from)];
        var step = new int[books];
        for (var row = 0; row < rows; row++)
            for (var s = from; s < to; s++)
            {
                states[row % states.Length].Read(s, step);
                for (var k = 0; k < books; k++)
                    tokens[(row * books + k) * (to - from) + s - from] = step[k];
            }
        return tensor(tokens, device: _model.Device).view(rows, books, to - from);
    }

    // Book after book: a depth transformer reads each token before it gives the next logits.
    private void Write(GenerationState[] states, int step, Tensor hidden_R1D, UniformSource uniforms)
    {
        var tokens = states.Select(_ => new int[_model.Streams]).ToArray();
        using var frame = _model.Depth?.Begin();
        for (var k = 0; k < _model.Streams; k++)
        {
            using var book = NewDisposeScope();
            var logits = k < _model.Config.DirectHeads ? _model.Head(hidden_R1D, k).squeeze(1)
                : frame!.Next(hidden_R1D.squeeze(1), tensor(Enumerable.Range(0, _parts).SelectMany(_ => tokens.Select(t => (long)t[k - 1])).ToArray(), device: _model.Device));
            Sample(states, step, k, logits.cpu().contiguous().data<float>().ToArray(), tokens, uniforms);
        }
        Advance(states, step, tokens);
    }

    private static void Advance(GenerationState[] states, int step, int[][] tokens)
    {
        for (var row = 0; row < states.Length; row++)
            if (states[row].Step == step) // else a longer prompt than other rows have
                states[row].Write(tokens[row]);
    }

    // logits: [rows, V].
    private void Sample(GenerationState[] states, int step, int book, float[] logits, int[][] tokens, UniformSource uniforms)
    {
        var vocabulary = _model.Config.Vocabulary[book];
        var known = new int[_model.Streams];
        for (var row = 0; row < states.Length; row++)
            if (states[row].Step > step)
            {
                states[row].Read(step, known);
                tokens[row][book] = known[book];
            }
            else if (states[row].Wants(book))
                tokens[row][book] = _sampler.Sample(Guided(_sampler.Config, logits, row, states.Length, vocabulary), uniforms(step, row, book),
                    states[row].History(book, _sampler.Config.RepetitionWindow));
            else
                tokens[row][book] = states[row].Known(book);
    }

    /// <summary>Logits of a row after guidance.</summary>
    /// <param name="logits">[parts * rows, V].</param>
    internal static Span<float> Guided(SamplerConfig config, float[] logits, int row, int rows, int vocabulary)
    {
        Span<float> Part(int part) => logits.AsSpan((row + part * rows) * vocabulary, vocabulary);
        var own = Part(0);
        if (config.PartialGuidance is { } partial)
            Sampler.Guide(own, Part(1), Part(2), config.GuidanceScale, partial);
        else if (config.GuidanceScale != 1)
            Sampler.Guide(own, Part(1), config.GuidanceScale);
        return own;
    }
}
