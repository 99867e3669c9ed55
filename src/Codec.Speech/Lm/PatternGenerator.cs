using Codec.Speech.Patterns;
using Codec.Speech.Sampling;
using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Speech.Lm;

/// <summary>Where the uniform numbers of a generation come from: step of the generation (0 = first sampled), row, book.</summary>
public delegate double UniformSource(int step, int row, int book);

/// <summary>
/// Generates codes with a model of K direct heads in the order of a pattern: the prompt in one pass, then one step per pass.
/// With guidance the batch is doubled: rows B.. carry the null condition.
/// </summary>
public sealed class PatternGenerator
{
    private readonly SpeechLm _model;
    private readonly Sampler _sampler;

    /// <param name="model">In evaluation mode.</param>
    /// <param name="sampler">Guidance included: a scale other than 1 doubles the batch.</param>
    public PatternGenerator(SpeechLm model, SamplerConfig sampler)
    {
        _model = model;
        _sampler = new Sampler(sampler);
    }

    /// <summary>Runs a batch to its end.</summary>
    /// <param name="pattern">Plan for the final length, with a start step.</param>
    /// <param name="prompts">One per row: [K][..] known codes; null = none.</param>
    /// <param name="uniforms">Random numbers.</param>
    /// <param name="conditions">B rows, with guidance 2B: the null conditions after the others.</param>
    /// <returns>[B][K][T_k].</returns>
    public int[][][] Generate(Pattern pattern, IReadOnlyList<int[][]?> prompts, UniformSource uniforms, LmConditions? conditions = null)
    {
        if (!pattern.StartsWithSpecial)
            throw new ArgumentException("the pattern has no start step", nameof(pattern));
        using var inference = inference_mode();
        using var scope = NewDisposeScope();
        var guided = _sampler.Config.GuidanceScale != 1;
        var states = prompts.Select(prompt => new GenerationState(pattern, _model.Config.Vocabulary, prompt)).ToArray();
        var start = states.Min(s => s.PromptSteps);
        var slots = Enumerable.Range(0, states.Length * (guided ? 2 : 1)).ToArray();
        var prefix = (int)(conditions?.Prepend?.shape[1] ?? 0);
        using var cache = new KvCache(_model.Config.Transformer, slots.Length, prefix + pattern.Steps.Count, device: _model.Device);
        for (var (read, step) = (0, start); step < pattern.Steps.Count; (read, step) = (step, step + 1))
        {
            using var pass = NewDisposeScope();
            using var tokens = Read(states, read, step, slots.Length);
            var hidden = _model.Hidden(tokens, cache, slots, conditions);
            var logits = _model.Logits(hidden.narrow(1, step - read - 1, 1)).squeeze(2).cpu();
            Write(states, step, logits.data<float>().ToArray(), (index, row, book) => uniforms(index - start, row, book));
        }
        return states.Select(s => s.Codes()).ToArray();
    }

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

    // logits: [rows, K, V], the null rows after the others.
    private void Write(GenerationState[] states, int step, float[] logits, UniformSource uniforms)
    {
        var books = _model.Streams;
        var vocabulary = _model.Config.Vocabulary[0];
        var tokens = new int[books];
        for (var row = 0; row < states.Length; row++)
        {
            if (states[row].Step > step)
                continue; // a longer prompt than other rows have
            for (var k = 0; k < books; k++)
            {
                var own = logits.AsSpan((row * books + k) * vocabulary, vocabulary);
                if (_sampler.Config.GuidanceScale != 1)
                    Sampler.Guide(own, logits.AsSpan(((row + states.Length) * books + k) * vocabulary, vocabulary), _sampler.Config.GuidanceScale);
                if (states[row].Wants(k))
                    tokens[k] = _sampler.Sample(own, uniforms(step, row, k), states[row].History(k, _sampler.Config.RepetitionWindow));
            }
            states[row].Write(tokens);
        }
    }
}
