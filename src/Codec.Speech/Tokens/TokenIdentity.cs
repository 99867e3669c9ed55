using Codec.Core;

namespace Codec.Speech.Tokens;

/// <summary>How token files and language models name the codes that they belong to.</summary>
public static class TokenIdentity
{
    /// <summary>Family and preset, and the hash of what makes the codes (of all weights where the codec does not tell them apart).</summary>
    public static string Of(ICodec codec) => $"{codec.Info.Name} {codec.Info.TokenHash}";
}
