using Codec.Audio;

namespace Codec.Core.Checkpoints;

/// <summary>A checkpoint that cannot be read or does not fit the model.</summary>
public sealed class CheckpointException(string file, string problem, Exception? inner = null)
    : CodecException($"{file}: {problem}", inner)
{
    /// <summary>Path of the checkpoint.</summary>
    public string File { get; } = file;

    /// <summary>Keys that the model has and the checkpoint lacks.</summary>
    public IReadOnlyList<string> Missing { get; init; } = [];

    /// <summary>Keys that the checkpoint has and the model lacks.</summary>
    public IReadOnlyList<string> Unexpected { get; init; } = [];

    /// <summary>Keys whose shape or kind of number differs, with what was expected and found.</summary>
    public IReadOnlyList<string> Misshapen { get; init; } = [];
}
