using Codec.Audio;

namespace Codec.Speech.Lm;

/// <summary>A language model over K token streams: codebooks, and text where it is one of the streams.</summary>
public sealed record SpeechLmConfig
{
    public required TransformerConfig Transformer { get; init; }

    /// <summary>Tokens of each stream. Token Vocabulary[k] itself is the start (special) token of stream k; -1 adds nothing.</summary>
    public required IReadOnlyList<int> Vocabulary { get; init; }

    /// <summary>Streams, from the first, that have a head on the transformer itself.</summary>
    public required int DirectHeads { get; init; }

    public bool HeadBias { get; init; }

    /// <summary>A small transformer over the streams of one frame, for streams after the first; null = none.</summary>
    public DepthConfig? Depth { get; init; }

    /// <summary>What it is told besides codes; null = nothing, or conditions that the caller makes.</summary>
    public ConditionConfig? Conditions { get; init; }

    /// <summary>Two-level positions: the rotation counts frames, and an embedding says which book a step predicts first.</summary>
    public bool BookPositions { get; init; }

    /// <summary>Heads that guess further steps, for drafts.</summary>
    public int DraftHeads { get; init; }

    /// <exception cref="ConfigException">A value is out of range.</exception>
    public SpeechLmConfig Validate()
    {
        Transformer.Validate();
        Conditions?.Validate();
        Require.InRange(DraftHeads, 0, 16);
        Require.Positive(Vocabulary.Count, "streams");
        foreach (var size in Vocabulary)
            Require.Positive(size, nameof(Vocabulary));
        Require.InRange(DirectHeads, 1, Vocabulary.Count);
        Depth?.Validate(Vocabulary.Count);
        return this;
    }
}

/// <summary>The depth transformer: predicts streams 1..Streams of a frame one after the other (RQ-Transformer; Moshi, arXiv 2410.00037).</summary>
public sealed record DepthConfig
{
    public required TransformerConfig Transformer { get; init; }

    /// <summary>Streams it predicts, from stream 1 on.</summary>
    public required int Streams { get; init; }

    /// <summary>Weight set of each stream; null = 0, 1, 2, ... where there are several sets, else 0.</summary>
    public IReadOnlyList<int>? WeightSchedule { get; init; }

    /// <summary>Rank of the embedding tables; 0 = full.</summary>
    public int LowRank { get; init; }

    public int WeightSet(int stream) => WeightSchedule?[stream] ?? Math.Min(stream, Transformer.WeightSets - 1);

    internal void Validate(int streams)
    {
        Transformer.Validate();
        Require.InRange(Streams, 1, streams - 1, "Depth.Streams");
        Require.That(WeightSchedule is null || (WeightSchedule.Count == Streams && WeightSchedule.All(w => w >= 0 && w < Transformer.WeightSets)),
            "Depth.WeightSchedule", $"{Streams} indexes below {Transformer.WeightSets}", WeightSchedule is null ? null : string.Join(",", WeightSchedule));
    }
}
