using Codec.Audio;
using Codec.Speech.Sampling;

namespace Codec.Speech.Lm;

/// <summary>Roles and delays of the streams of a full-duplex model.</summary>
public sealed record MultistreamConfig
{
    /// <summary>Delay of each stream in frames; stream 0 is text.</summary>
    public required IReadOnlyList<int> Delays { get; init; }

    /// <summary>Sampler of the text stream; its guidance scale holds for all streams.</summary>
    public SamplerConfig Text { get; init; } = new();

    /// <summary>Sampler of the audio streams.</summary>
    public SamplerConfig Audio { get; init; } = new();

    public MultistreamConfig Validate(SpeechLmConfig model)
    {
        Require.That(Delays.Count == model.Vocabulary.Count, nameof(Delays), $"{model.Vocabulary.Count} values", Delays.Count);
        Require.That(Delays.All(d => d >= 0), nameof(Delays), "values >= 0", string.Join(",", Delays));
        Require.That(model.DirectHeads == 1, nameof(model.DirectHeads), "one head, for text", model.DirectHeads);
        Text.Validate();
        Audio.Validate();
        return this;
    }
}
