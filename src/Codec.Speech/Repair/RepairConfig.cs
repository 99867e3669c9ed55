using System.Text.Json.Serialization;
using Codec.Audio;
using Codec.Speech.Lm;

namespace Codec.Speech.Repair;

/// <summary>What a repair model was trained to make up.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<RepairKind>))]
public enum RepairKind
{
    /// <summary>Whole frames that were lost, from the frames on both sides, or from those before alone.</summary>
    Masked,

    /// <summary>The fine books of every frame, from the coarse books of this frame and those before (LMCodec, arXiv 2303.12984).</summary>
    Fine,
}

/// <summary>Shape of a <see cref="RepairModel"/>.</summary>
public sealed record RepairConfig
{
    public required RepairKind Kind { get; init; }

    /// <summary>D of the codec's latent.</summary>
    public required int LatentDim { get; init; }

    /// <summary>K of the codec.</summary>
    public required int Books { get; init; }

    public int Dim { get; init; } = 128;

    public int Layers { get; init; } = 4;

    public int Heads { get; init; } = 4;

    /// <summary>Width of each half of the gated feed-forward blocks.</summary>
    public int Hidden { get; init; } = 256;

    /// <summary>Frames before it that a frame sees in every layer.</summary>
    public int Past { get; init; } = 32;

    /// <summary>Frames after it that a frame sees in every layer; 0 = causal.</summary>
    public int Future { get; init; } = 32;

    /// <summary>Frames before it that a frame's result depends on.</summary>
    [JsonIgnore] public int Reach => (Layers + 1) * Past;

    /// <summary>Frames after it that a frame's result depends on.</summary>
    [JsonIgnore] public int Ahead => (Layers + 1) * Future;

    internal TransformerConfig Transformer => new() { Dim = Dim, Layers = Layers, Heads = Heads, Hidden = Hidden };

    /// <exception cref="ConfigException">A value is out of range.</exception>
    public RepairConfig Validate()
    {
        Require.InRange(LatentDim, 1, 8192);
        Require.InRange(Books, 1, 64);
        Require.InRange(Dim, 2, 8192);
        Require.InRange(Layers, 1, 64);
        Require.InRange(Hidden, 1, 1 << 16);
        Require.InRange(Past, 1, 4096);
        Require.InRange(Future, 0, 4096);
        Transformer.Validate();
        return this;
    }
}
