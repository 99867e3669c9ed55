using Codec.Audio;

namespace Codec.Core.Bitstream;

/// <summary>A compressed file or stream that is damaged or not ours.</summary>
public sealed class BitstreamException(string field, long position, string expected, string found)
    : CodecException($"{field} at byte {position}: expected {expected}, found {found}");
