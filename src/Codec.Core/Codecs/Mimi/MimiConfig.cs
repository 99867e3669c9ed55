using Codec.Audio;
using Codec.Core.Layers;
using Codec.Core.Layers.Seanet;

namespace Codec.Core.Codecs.Mimi;

/// <summary>Mimi (Defossez et al. 2024): causal SEANet, two transformers at twice the frame rate, split residual quantization.</summary>
public sealed record MimiConfig
{
    public required SeanetConfig Seanet { get; init; }

    public required MimiTransformerConfig Transformer { get; init; }

    /// <summary>Hz.</summary>
    public int SampleRate { get; init; } = 24000;

    /// <summary>SEANet frames per codec frame.</summary>
    public int Downsampling { get; init; } = 2;

    /// <summary>Channels in which the codebooks live.</summary>
    public required int CodebookDimension { get; init; }

    public required int CodebookSize { get; init; }

    /// <summary>All codebooks; the first is semantic.</summary>
    public required int Books { get; init; }

    /// <summary>Codebooks of the first (semantic) quantizer.</summary>
    public int SemanticBooks { get; init; } = 1;

    /// <summary>
    /// Streams attend as the reference's ring buffer does: it holds exactly the context, and a call writes all its keys before its
    /// first query reads, so that the earlier queries of a call see fewer keys. False: streamed = offline.
    /// </summary>
    public bool RingBufferStreams { get; init; }

    /// <summary>Samples per codec frame.</summary>
    public int HopLength => Seanet.HopLength * Downsampling;

    /// <exception cref="ConfigException">A value is out of range.</exception>
    public MimiConfig Validate()
    {
        Seanet.Validate();
        Require.That(Seanet.Causal && Seanet.LstmLayers == 0, nameof(Seanet), "a causal network without LSTM", "another");
        Transformer.Validate(Seanet.Dimension);
        Require.InRange(SampleRate, 1000, 384_000);
        Require.InRange(Downsampling, 1, 64);
        Require.InRange(CodebookDimension, 1, 1 << 14);
        Require.InRange(CodebookSize, 2, 1 << 20);
        Require.InRange(Books, 2, 256);
        Require.InRange(SemanticBooks, 1, Books - 1);
        return this;
    }

    /// <summary>What is the same in all Mimi models.</summary>
    internal static SeanetConfig Causal(SeanetConfig shapes) => shapes with { Causal = true, PadMode = PadMode.Zero };
}

/// <summary>Sizes of a transformer over frames.</summary>
public sealed record MimiTransformerConfig
{
    public required int Layers { get; init; }

    public required int Heads { get; init; }

    public required int FeedForward { get; init; }

    /// <summary>Frames that a frame sees, itself included.</summary>
    public int Context { get; init; } = 250;

    /// <summary>Longest period of the rotary positions.</summary>
    public double MaxPeriod { get; init; } = 10_000;

    /// <exception cref="ConfigException">A value is out of range.</exception>
    public void Validate(int width)
    {
        Require.InRange(Layers, 1, 64);
        Require.InRange(Heads, 1, 128);
        Require.That(width % Heads == 0 && width / Heads % 2 == 0, nameof(Heads), $"heads of an even part of {width} channels", Heads);
        Require.InRange(FeedForward, 1, 1 << 16);
        Require.InRange(Context, 1, 1 << 16);
        Require.InRange(MaxPeriod, 1, 1e9);
    }
}
