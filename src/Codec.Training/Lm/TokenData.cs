using Codec.Core;
using Codec.Speech.Tokens;
using Codec.Training.Data;

namespace Codec.Training.Lm;

/// <summary>Training data as configs name it: token shards, folders of them, or manifests of audio.</summary>
public static class TokenData
{
    /// <summary>Whether a path is a manifest, which must be tokenized first.</summary>
    public static bool IsManifest(string path) => path.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase);

    /// <summary>The same data as shards alone.</summary>
    /// <param name="codec">Tokenizes the manifests.</param>
    /// <param name="cache">Folder for their shards, which are kept.</param>
    /// <param name="progress">0 to 1, for each manifest.</param>
    public static IReadOnlyList<string> Shards(ICodec codec, IReadOnlyList<string> paths, string cache, Action<double>? progress = null)
        => paths.SelectMany(path => !IsManifest(path) ? [path] : TokenShardBuilder.Build(
            codec, Manifest.Read(path).Select(e => new SpokenItem(e.Path, e.Speaker, e.Text)).ToArray(), cache, Path.GetFileNameWithoutExtension(path), progress: progress)).ToArray();
}
