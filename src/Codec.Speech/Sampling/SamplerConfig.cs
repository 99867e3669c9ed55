using Codec.Audio;

namespace Codec.Speech.Sampling;

/// <summary>How a token is drawn from logits. Filters apply in the order of the properties.</summary>
public sealed record SamplerConfig
{
    /// <summary>The most probable token, always.</summary>
    public static SamplerConfig Greedy { get; } = new() { Temperature = 0 };

    /// <summary>Classifier-free guidance: logits = null + GuidanceScale * (cond - null). 1 = none.</summary>
    public double GuidanceScale { get; init; } = 1;

    /// <summary>
    /// Double guidance: logits = null + GuidanceScale * (partial + PartialGuidance * (full - partial) - null), the partial rows lacking one condition,
    /// usually the text (arXiv 2407.12563). Null = single; 1 gives the single one, at the price of the partial rows.
    /// </summary>
    public double? PartialGuidance { get; init; }

    /// <summary>Rows of the batch for each result: 1, 2 (full, null) or 3 (full, partial, null).</summary>
    [System.Text.Json.Serialization.JsonIgnore] public int GuidanceParts => PartialGuidance is not null ? 3 : GuidanceScale != 1 ? 2 : 1;

    /// <summary>Tokens among the last RepetitionWindow of the same book are made less likely; 0 = none.</summary>
    public int RepetitionWindow { get; init; }

    /// <summary>Divides positive and multiplies negative logits of repeated tokens (CTRL, arXiv 1909.05858). 1 = none.</summary>
    public double RepetitionPenalty { get; init; } = 1;

    /// <summary>Divides the logits; 0 = greedy.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>The K most probable tokens stay, with all ties of the K-th; 0 = all.</summary>
    public int TopK { get; init; }

    /// <summary>Tokens stay while the mass before them in descending order is at most TopP (nucleus, arXiv 1904.09751); 0 = all.</summary>
    public double TopP { get; init; }

    /// <summary>Tokens of at least MinP times the largest probability stay (arXiv 2407.01082); 0 = all.</summary>
    public double MinP { get; init; }

    /// <summary>Inverse CDF over the descending order, as samplers that sort first do; false: natural order.</summary>
    public bool DrawDescending { get; init; }

    /// <exception cref="ConfigException">A value is out of range.</exception>
    public SamplerConfig Validate()
    {
        Require.InRange(Temperature, 0, 1e6);
        Require.InRange(TopK, 0, int.MaxValue);
        Require.InRange(TopP, 0, 1);
        Require.InRange(MinP, 0, 1);
        Require.InRange(RepetitionWindow, 0, int.MaxValue);
        Require.InRange(RepetitionPenalty, 1e-3, 1e3);
        Require.InRange(GuidanceScale, -1e3, 1e3);
        Require.InRange(PartialGuidance ?? 0, -1e3, 1e3);
        return this;
    }
}
