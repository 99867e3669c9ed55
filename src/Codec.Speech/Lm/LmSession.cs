using Codec.Speech.Patterns;
using Codec.Speech.Sampling;

namespace Codec.Speech.Lm;

/// <summary>One generation in a <see cref="ContinuousBatcher"/>.</summary>
public sealed class LmSession
{
    private readonly Sampler _sampler;
    private readonly SeededUniforms _uniforms;
    private readonly int[] _scratch;

    internal LmSession(GenerationState state, SamplerConfig sampler, ulong seed, int books)
    {
        State = state;
        _sampler = new Sampler(sampler);
        _uniforms = new SeededUniforms(seed);
        _scratch = new int[books];
    }

    /// <summary>The sequence so far and its codes.</summary>
    public GenerationState State { get; }

    public bool IsFinished => State.IsFinished;

    /// <summary>Steps that the model has read.</summary>
    internal int StepsRead { get; set; }

    internal int Slot { get; set; } = -1;

    /// <summary>Samples the next step from [K, V] logits.</summary>
    internal void Sample(ReadOnlySpan<float> logits_KV, int vocabulary)
    {
        for (var k = 0; k < _scratch.Length; k++)
            if (State.Wants(k))
                _scratch[k] = _sampler.Sample(logits_KV.Slice(k * vocabulary, vocabulary),
                    _uniforms[(long)State.Step * _scratch.Length + k], State.History(k, _sampler.Config.RepetitionWindow));
        State.Write(_scratch);
    }
}
