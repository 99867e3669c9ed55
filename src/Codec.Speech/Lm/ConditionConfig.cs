using Codec.Audio;

namespace Codec.Speech.Lm;

/// <summary>What a model of our own is told besides the codes before: a transcript, who speaks, how it sounds.</summary>
public sealed record ConditionConfig
{
    /// <summary>A transcript as UTF-8 bytes: a prefix, or what cross-attention looks at where the transformer has it.</summary>
    public bool Text { get; init; }

    /// <summary>Known speakers: a vector each, added to every position; 0 = none.</summary>
    public int Speakers { get; init; }

    /// <summary>Frames of another recording of the speaker in front, at most; 0 = none.</summary>
    public int ReferenceFrames { get; init; }

    /// <exception cref="ConfigException">A value is out of range.</exception>
    public ConditionConfig Validate()
    {
        Require.InRange(Speakers, 0, 1 << 20);
        Require.InRange(ReferenceFrames, 0, 1 << 16);
        return this;
    }
}

/// <summary>What one row is told; null = nothing, which is also the null condition of guidance.</summary>
/// <param name="Text">Transcript.</param>
/// <param name="Speaker">Index below <see cref="ConditionConfig.Speakers"/>.</param>
/// <param name="Reference">[K][frames] codes.</param>
public sealed record LmCondition(string? Text = null, int? Speaker = null, int[][]? Reference = null)
{
    /// <summary>Nothing is known.</summary>
    public static LmCondition None { get; } = new();
}
