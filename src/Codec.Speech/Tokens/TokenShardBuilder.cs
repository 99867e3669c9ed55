using Codec.Audio;
using Codec.Core;
using static TorchSharp.torch;

namespace Codec.Speech.Tokens;

/// <summary>One recording to be tokenized.</summary>
public sealed record SpokenItem(string Path, string Speaker, string? Text);

/// <summary>Turns recordings into token shards; shards that are there already are kept, so an interrupted job goes on.</summary>
public static class TokenShardBuilder
{
    /// <summary>Tokenizes recordings into <c>NAME-00000.tokens</c>, ... in a folder.</summary>
    /// <param name="codec">Offline.</param>
    /// <param name="items">Read one after the other, mixed to mono and resampled.</param>
    /// <param name="folder">Created if absent.</param>
    /// <param name="name">Start of the shards' names.</param>
    /// <param name="perShard">Recordings per shard.</param>
    /// <param name="progress">0 to 1.</param>
    /// <returns>Paths of the shards.</returns>
    /// <exception cref="AudioFileException">A recording cannot be read.</exception>
    public static IReadOnlyList<string> Build(
        ICodec codec, IReadOnlyList<SpokenItem> items, string folder, string name, int perShard = 500, Action<double>? progress = null)
    {
        Require.Positive(perShard);
        Directory.CreateDirectory(folder);
        var identity = TokenIdentity.Of(codec);
        List<string> shards = [];
        for (var start = 0; start < items.Count; start += perShard)
        {
            var path = Path.Combine(folder, $"{name}-{start / perShard:D5}.tokens");
            shards.Add(path);
            var part = items.Skip(start).Take(perShard).ToArray();
            if (!Holds(path, identity, part))
                TokenShard.Write(path, identity, part.Select((item, i) =>
                {
                    progress?.Invoke((double)(start + i) / items.Count);
                    return (Path.GetFileName(item.Path), item.Speaker, item.Text, Encode(codec, item.Path));
                }).ToArray());
        }
        progress?.Invoke(1);
        return shards;
    }

    private static bool Holds(string path, string identity, SpokenItem[] part)
    {
        if (!File.Exists(path))
            return false;
        using var shard = TokenShard.Open(path);
        return shard.Codec == identity && shard.Items.Select(i => i.Name).SequenceEqual(part.Select(i => Path.GetFileName(i.Path)));
    }

    private static Codes Encode(ICodec codec, string path)
    {
        using var scope = NewDisposeScope();
        var audio = Resampler.Resample(AudioFile.Read(path).ToMono(), codec.Info.SampleRate);
        return codec.Encode(tensor(audio.Channel(0)).view(1, 1, -1));
    }
}
