using Codec.Audio;
using Codec.Core.Layers.Seanet;

namespace Codec.Core.Codecs.Encodec;

/// <summary>EnCodec (Defossez et al. 2022): SEANet and residual vector quantization; the large model codes normalised segments.</summary>
public sealed record EncodecConfig
{
    public required SeanetConfig Seanet { get; init; }

    /// <summary>Hz.</summary>
    public required int SampleRate { get; init; }

    /// <summary>Codebooks in the file.</summary>
    public required int Books { get; init; }

    /// <summary>Entries of a codebook.</summary>
    public required int CodebookSize { get; init; }

    /// <summary>Every segment is divided by its level, which is part of the code.</summary>
    public bool Normalize { get; init; }

    /// <summary>Seconds of a segment; null: the whole signal at once.</summary>
    public double? SegmentSeconds { get; init; }

    /// <summary>Part of a segment that overlaps the next.</summary>
    public double Overlap { get; init; } = 0.01;

    /// <summary>kbit/s that the model was trained for; empty where not known.</summary>
    public IReadOnlyList<double> Bandwidths { get; init; } = [];

    /// <summary>Samples of a segment; null: the whole signal at once.</summary>
    public int? SegmentLength => SegmentSeconds is { } seconds ? (int)(seconds * SampleRate) : null;

    /// <summary>Samples from the start of a segment to the start of the next.</summary>
    public int? SegmentStride => SegmentLength is { } length ? Math.Max(1, (int)((1 - Overlap) * length)) : null;

    /// <summary>Books for a bandwidth, as the reference counts them.</summary>
    /// <param name="kilobitsPerSecond">kbit/s.</param>
    public int BooksFor(double kilobitsPerSecond)
    {
        var frameRate = Math.Ceiling((double)SampleRate / Seanet.HopLength);
        return Math.Clamp((int)Math.Floor(1000 * kilobitsPerSecond / (Math.Log2(CodebookSize) * frameRate)), 1, Books);
    }

    /// <exception cref="ConfigException">A value is out of range.</exception>
    public EncodecConfig Validate()
    {
        Seanet.Validate();
        Require.InRange(SampleRate, 1000, 384_000);
        Require.InRange(Books, 1, 256);
        Require.InRange(CodebookSize, 2, 1 << 20);
        Require.InRange(SegmentSeconds ?? 1, 0.01, 3600, nameof(SegmentSeconds));
        Require.That(Overlap is >= 0 and < 1, nameof(Overlap), "0 to below 1", Overlap);
        return this;
    }
}
