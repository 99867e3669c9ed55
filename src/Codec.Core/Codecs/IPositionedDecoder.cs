using static TorchSharp.torch;

namespace Codec.Core.Codecs;

/// <summary>A codec whose decoder depends on where in the signal the codes lie (seeded noise): chunked decoding tells it.</summary>
public interface IPositionedDecoder
{
    /// <param name="codes">All books or a prefix.</param>
    /// <param name="firstFrame">Position of their first base frame in the whole signal.</param>
    /// <returns>[B, Channels, S].</returns>
    Tensor DecodeAt(Codes codes, long firstFrame);
}
