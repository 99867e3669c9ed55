namespace Codec.Core;

/// <summary>What callers need to know of a codec: rates, books, delay.</summary>
public sealed record CodecInfo
{
    /// <summary>Family and preset, e.g. "encodec/24khz".</summary>
    public required string Name { get; init; }

    /// <summary>Hz of the audio that the model reads and writes.</summary>
    public required int SampleRate { get; init; }

    /// <summary>Audio channels that the model codes together (2 for stereo models, else 1).</summary>
    public int Channels { get; init; } = 1;

    /// <summary>Samples per base frame.</summary>
    public required int HopLength { get; init; }

    /// <summary>All books, coarse first.</summary>
    public required IReadOnlyList<CodebookSpec> Books { get; init; }

    /// <summary>True where frame t of the codes and of the decoded audio depends on nothing after frame t.</summary>
    public bool Causal { get; init; }

    /// <summary>True where layers normalise or attend over the whole signal, so that cutting it changes what they compute.</summary>
    public bool SeesWholeSignal { get; init; }

    /// <summary>Samples by which the decoded signal lags the input in streaming; offline calls remove it.</summary>
    public int DelaySamples { get; init; }

    /// <summary>Base frames before a frame on which its decoded audio depends, where the codec is causal; null: no bound is known.</summary>
    public int? DecoderMemoryFrames { get; init; }

    /// <summary>Where the codec is causal, decoding may start at multiples of this many base frames.</summary>
    public int DecoderGridFrames { get; init; } = 1;

    /// <summary>Seconds of a file that a causal codec is given at once: more keeps several threads busier and takes more memory.</summary>
    public double PieceSeconds { get; init; } = 10;

    /// <summary>Coefficients of the waveform's low band that a frame may have (<see cref="Bitstream.LowbandBooks"/>); 0: none.</summary>
    public int LowbandCoefficients { get; init; }

    /// <summary>Number in the codec catalogue, written into files; 0 = none.</summary>
    public int CatalogueId { get; init; }

    /// <summary>Offline calls pad the audio to a multiple of this many base frames (multi-scale books, attention windows).</summary>
    public int FrameMultiple { get; init; } = 1;

    /// <summary>Lower-case hex SHA-256 of the weights; empty for a model that was not loaded from a file.</summary>
    public string WeightHash { get; init; } = "";

    /// <summary>Lower-case hex SHA-256 of what decides the codes (encoder and quantizer): equal where two models differ in their
    /// decoder only, or one says that its codes mean the other's. <see cref="WeightHash"/> for a family that does not tell them apart.</summary>
    public string TokenHash { get => field.Length > 0 ? field : WeightHash; init; } = "";

    /// <summary>Base frames per second.</summary>
    public double FrameRate => (double)SampleRate / HopLength;

    /// <summary>Nominal bits per second and channel group of the first <paramref name="books"/> books, without container.</summary>
    public double BitsPerSecond(int books) => Bitstream.LowbandBooks.BitsPerFrame([.. Books.Take(books)]) * FrameRate;

    /// <summary>Samples of the segments that the codec codes one by one; null: the signal is coded as one.</summary>
    public int? SegmentLength { get; init; }

    /// <summary>Samples from the start of a segment to the start of the next (segments may overlap).</summary>
    public int? SegmentStride { get; init; }

    /// <summary>Base frames of <paramref name="samples"/> samples: the delay is flushed out with extra frames; overlapping segments are counted whole.</summary>
    public int FramesFor(long samples)
    {
        if (SegmentLength is { } length && samples > 0)
            return FramesOfSegments(samples, length, SegmentStride ?? length);
        var frames = (samples + DelaySamples + HopLength - 1) / HopLength;
        return checked((int)((frames + FrameMultiple - 1) / FrameMultiple * FrameMultiple));
    }

    /// <summary>Segments start at 0, stride, 2 stride ... below the end; the last ones may be short.</summary>
    private int FramesOfSegments(long samples, int length, int stride)
    {
        long Frames(long count) => (count + HopLength - 1) / HopLength;
        var segments = (samples + stride - 1) / stride;
        var whole = samples >= length ? Math.Min(segments, (samples - length) / stride + 1) : 0;
        var total = whole * Frames(length);
        for (var k = whole; k < segments; k++)
            total += Frames(Math.Min(length, samples - k * stride));
        return checked((int)total);
    }
}
