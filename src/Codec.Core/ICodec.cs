using TorchSharp;
using static TorchSharp.torch;

namespace Codec.Core;

/// <summary>
/// Audio to codes and back, offline and streaming through the same methods. Weights are immutable and shared:
/// one codec serves many streams, each with its own <see cref="StreamState"/>.
/// </summary>
public interface ICodec : IDisposable
{
    CodecInfo Info { get; }

    /// <summary>Device of the weights; inputs are moved there.</summary>
    Device Device { get; }

    /// <summary>Audio to codes.</summary>
    /// <param name="audio_BCS">[B, Channels, S] at <see cref="CodecInfo.SampleRate"/>. Offline any S: the codec pads.
    /// Streaming: a multiple of the hop.</param>
    /// <param name="books">How many books; null for all.</param>
    /// <param name="state">What the stream remembers; null = offline.</param>
    /// <exception cref="NotSupportedException">A state was given to a codec that is not causal.</exception>
    Codes Encode(Tensor audio_BCS, int? books = null, StreamState? state = null);

    /// <summary>Codes to audio.</summary>
    /// <param name="codes">All books or a prefix.</param>
    /// <param name="samples">Offline: wanted length; null for all that the frames hold. Ignored when streaming.</param>
    /// <param name="state">What the stream remembers; null = offline. Streamed audio lags by <see cref="CodecInfo.DelaySamples"/>.</param>
    /// <returns>[B, Channels, S].</returns>
    Tensor Decode(Codes codes, long? samples = null, StreamState? state = null);
}
