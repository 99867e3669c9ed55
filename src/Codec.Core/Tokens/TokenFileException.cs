using Codec.Audio;

namespace Codec.Core.Tokens;

/// <summary>A file of tokens that is damaged or not ours.</summary>
public sealed class TokenFileException(string file, string problem, Exception? inner = null) : CodecException($"{file}: {problem}", inner)
{
    public string File { get; } = file;
}
