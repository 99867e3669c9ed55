using Codec.Audio;

namespace Codec.Core.Checkpoints;

/// <summary>A checkpoint that cannot be read or does not fit the model.</summary>
public sealed class CheckpointException(string file, string problem, Exception? inner = null)
    : CodecException($"{file}: {problem}", inner);
