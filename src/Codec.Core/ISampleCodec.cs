namespace Codec.Core;

/// <summary>
/// A causal codec that can work on plain memory, without libtorch and on any number of threads at once, and whose results depend on
/// a bounded past: a signal may be cut anywhere and its pieces coded side by side, each after a run-up of that many frames.
/// </summary>
public interface ISampleCodec : ICodec
{
    /// <summary>False where the codec must go through tensors, e.g. because it lies on another device.</summary>
    bool TakesSamples { get; }

    /// <summary>Frames before a frame that its codes depend on.</summary>
    int EncoderContextFrames { get; }

    /// <summary>Frames before a frame that its samples depend on, the delay not counted.</summary>
    int DecoderContextFrames { get; }

    /// <summary>Samples to codes.</summary>
    /// <param name="samples_BS">Items one after the other, whole frames each.</param>
    /// <param name="batch">B.</param>
    /// <param name="books">How many books; null for all.</param>
    /// <param name="state">Stream memory; null: silence before the start.</param>
    Codes EncodeSamples(ReadOnlySpan<float> samples_BS, int batch, int? books = null, StreamState? state = null);

    /// <summary>Codes to samples.</summary>
    /// <param name="codes">All books or a prefix.</param>
    /// <param name="state">Stream memory; null: nothing before the start.</param>
    /// <returns>Frames times hop samples per item, which lag by <see cref="CodecInfo.DelaySamples"/>; items one after the other.</returns>
    /// <exception cref="ArgumentException">A code lies outside its book.</exception>
    float[] DecodeSamples(Codes codes, StreamState? state = null);
}
