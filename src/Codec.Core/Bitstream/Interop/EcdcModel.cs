namespace Codec.Core.Bitstream.Interop;

/// <summary>What an <c>.ecdc</c> file leaves to the model that it names.</summary>
/// <param name="Name">The model's name in the file.</param>
/// <param name="SampleRate">Hz.</param>
/// <param name="FrameRate">Frames per second.</param>
/// <param name="Channels">Audio channels.</param>
/// <param name="BitsPerCode">log2 of the codebook size.</param>
/// <param name="SegmentSamples">Samples of a segment; 0 = the whole file is one.</param>
/// <param name="SegmentStride">Samples from one segment to the next.</param>
/// <param name="HasScale">Every segment starts with its scale.</param>
public sealed record EcdcModel(string Name, int SampleRate, int FrameRate, int Channels, int BitsPerCode = 10,
    int SegmentSamples = 0, int SegmentStride = 0, bool HasScale = false)
{
    public static EcdcModel Mono24 { get; } = new("encodec_24khz", 24000, 75, 1);

    public static EcdcModel Stereo48 { get; } = new("encodec_48khz", 48000, 150, 2, SegmentSamples: 48000, SegmentStride: 47520, HasScale: true);

    /// <summary>The published models.</summary>
    /// <exception cref="BitstreamException">Another name.</exception>
    public static EcdcModel Find(string name)
        => name == Mono24.Name ? Mono24
        : name == Stereo48.Name ? Stereo48
        : throw new BitstreamException("model name", 9, $"{Mono24.Name} or {Stereo48.Name}", name);

    /// <summary>Frames of each segment of a file.</summary>
    public IEnumerable<int> SegmentFrames(long samples)
    {
        var length = SegmentSamples == 0 ? samples : SegmentSamples;
        var stride = SegmentSamples == 0 ? Math.Max(samples, 1) : SegmentStride;
        for (long start = 0; start < samples; start += stride)
            yield return checked((int)((Math.Min(samples - start, length) * FrameRate + SampleRate - 1) / SampleRate));
    }
}

/// <summary>
/// Probabilities of the language model with which an <c>.ecdc</c> file was written. It computes in floating point: a file can
/// be read only where the same code runs the same way as when it was written.
/// </summary>
public interface IEcdcLanguageModel
{
    /// <summary>Forgets all steps: a new segment begins.</summary>
    void Reset();

    /// <summary>Probabilities of the next step.</summary>
    /// <param name="previous">The last step's codes plus one; zeros at the start.</param>
    /// <returns>One row of probabilities per book.</returns>
    float[][] Next(ReadOnlySpan<int> previous);
}
