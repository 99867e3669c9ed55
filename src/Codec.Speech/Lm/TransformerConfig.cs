using System.Text.Json.Serialization;
using Codec.Audio;

namespace Codec.Speech.Lm;

/// <summary>How a layer normalises.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Norm>))]
public enum Norm
{
    /// <summary>LayerNorm with weight and bias.</summary>
    Layer,
    /// <summary>x * weight / sqrt(mean x^2 + eps).</summary>
    Rms,
}

/// <summary>The nonlinearity between the two linear maps of a feed-forward block.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Activation>))]
public enum Activation
{
    /// <summary>Exact GELU.</summary>
    Gelu,
    Relu,
    /// <summary>silu(first half) * second half.</summary>
    GatedSilu,
}

/// <summary>How positions reach the model.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<PositionKind>)), Flags]
public enum PositionKind
{
    None = 0,
    /// <summary>Added to the input: cosines first, then sines.</summary>
    Sinusoidal = 1,
    /// <summary>Rotation of queries and keys, pairs (2i, 2i+1).</summary>
    Rotary = 2,
}

/// <summary>Shape of a decoder-only transformer.</summary>
public sealed record TransformerConfig
{
    public required int Dim { get; init; }

    public required int Layers { get; init; }

    public required int Heads { get; init; }

    /// <summary>Key/value heads, each serving Heads / KeyValueHeads query heads in a row; 0 = Heads, 1 = multi-query.</summary>
    public int KeyValueHeads { get; init; }

    /// <summary>Width between the two linear maps of a feed-forward block (of each half where gated).</summary>
    public required int Hidden { get; init; }

    public Activation Activation { get; init; } = Activation.GatedSilu;

    public Norm Norm { get; init; } = Norm.Rms;

    public double NormEps { get; init; } = 1e-5;

    /// <summary>Normalise before each block and at the end; false: after each residual sum, none at the end.</summary>
    public bool NormFirst { get; init; } = true;

    public PositionKind Positions { get; init; } = PositionKind.Rotary;

    public double MaxPeriod { get; init; } = 10000;

    /// <summary>Factor on the sinusoidal positions.</summary>
    public double PositionScale { get; init; } = 1;

    /// <summary>A position sees itself and the Context - 1 before it; null = all.</summary>
    public int? Context { get; init; }

    public bool AttentionBias { get; init; }

    public bool FeedForwardBias { get; init; }

    /// <summary>LayerNorm of queries and keys over all heads, before the rotation.</summary>
    public bool QueryKeyNorm { get; init; }

    /// <summary>Learned per-channel factor on each residual branch.</summary>
    public bool LayerScale { get; init; }

    public bool CrossAttention { get; init; }

    /// <summary>Sets of projection and feed-forward weights, chosen by step (depth transformers); 1 = shared by all steps.</summary>
    public int WeightSets { get; init; } = 1;

    [JsonIgnore] public int KvHeads => KeyValueHeads == 0 ? Heads : KeyValueHeads;

    [JsonIgnore] public int HeadDim => Dim / Heads;

    /// <exception cref="ConfigException">A value is out of range.</exception>
    public TransformerConfig Validate()
    {
        Require.Positive(Dim);
        Require.Positive(Layers);
        Require.Positive(Heads);
        Require.Positive(Hidden);
        Require.Positive(WeightSets);
        Require.That(Dim % Heads == 0, nameof(Heads), $"a divisor of Dim ({Dim})", Heads);
        Require.That(Heads % KvHeads == 0, nameof(KeyValueHeads), $"a divisor of Heads ({Heads})", KeyValueHeads);
        Require.That(!Positions.HasFlag(PositionKind.Rotary) || HeadDim % 2 == 0, nameof(Heads), "an even head dimension for rotary positions", HeadDim);
        Require.That(!QueryKeyNorm || KvHeads == Heads, nameof(QueryKeyNorm), "as many key/value heads as heads", KvHeads);
        Require.That(Context is null or > 0, nameof(Context), "> 0", Context);
        return this;
    }
}
