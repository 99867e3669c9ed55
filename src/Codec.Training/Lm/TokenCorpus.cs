using Codec.Audio;
using Codec.Core;
using Codec.Speech.Tokens;

namespace Codec.Training.Lm;

/// <summary>Token shards as one list of stretches of at most a given length.</summary>
public sealed class TokenCorpus : IDisposable
{
    private readonly List<TokenShard> _shards = [];
    private readonly List<(TokenShard Shard, int Item, int Start, int Frames)> _stretches = [];

    /// <param name="paths">Shards, or folders that hold *.tokens files.</param>
    /// <param name="maxFrames">Longest stretch, base frames.</param>
    /// <param name="books">The first books only; 0 = all.</param>
    /// <exception cref="ConfigException">No shards, damaged ones, or shards of different codecs.</exception>
    public TokenCorpus(IEnumerable<string> paths, int maxFrames, int books = 0)
    {
        var files = paths.SelectMany(p => Directory.Exists(p) ? Directory.GetFiles(p, "*.tokens").Order(StringComparer.Ordinal).ToArray() : new[] { p }).ToArray();
        if (files.Length == 0)
            throw new ConfigException("expected token shards, found none");
        foreach (var file in files)
            Add(file, maxFrames);
        Require.InRange(books, 0, _shards[0].Books.Count);
        Books = books == 0 ? _shards[0].Books : _shards[0].Books.Take(books).ToArray();
    }

    public IReadOnlyList<CodebookSpec> Books { get; }

    /// <summary>Name and weight hash of the codec.</summary>
    public string Codec => _shards[0].Codec;

    /// <summary>Stretches.</summary>
    public int Count => _stretches.Count;

    /// <summary>Labels of all speakers, in order.</summary>
    public IReadOnlyList<string> Speakers => _shards.SelectMany(s => s.Items).Select(i => i.Speaker).Where(s => s.Length > 0).Distinct().Order(StringComparer.Ordinal).ToArray();

    /// <summary>Speaker of a stretch, or empty.</summary>
    public string Speaker(int stretch) => Item(stretch).Speaker;

    /// <summary>Transcript of a stretch; null where there is none, or where it is of a longer recording.</summary>
    public string? Text(int stretch) => _stretches[stretch].Frames == Item(stretch).Frames ? Item(stretch).Text : null;

    /// <summary>The stretches of each speaker.</summary>
    public IReadOnlyDictionary<string, int[]> BySpeaker()
        => Enumerable.Range(0, Count).Where(i => Speaker(i).Length > 0).GroupBy(Speaker).ToDictionary(g => g.Key, g => g.ToArray());

    /// <summary>Base frames of a stretch.</summary>
    public int Frames(int stretch) => _stretches[stretch].Frames;

    /// <summary>Base frames of all.</summary>
    public long TotalFrames => _stretches.Sum(s => (long)s.Frames);

    /// <summary>Codes of a stretch: [K][..].</summary>
    public int[][] Read(int stretch)
    {
        var (shard, item, start, frames) = _stretches[stretch];
        return shard.Read(item, start, frames)[..Books.Count];
    }

    public void Dispose() => _shards.ForEach(s => s.Dispose());

    private TokenItem Item(int stretch) => _stretches[stretch].Shard.Items[_stretches[stretch].Item];

    private void Add(string file, int maxFrames)
    {
        var shard = TokenShard.Open(file);
        _shards.Add(shard);
        if (!shard.Books.SequenceEqual(_shards[0].Books) || shard.Codec != _shards[0].Codec)
            throw new ConfigException($"{file}: expected tokens of {_shards[0].Codec}, found {shard.Codec}");
        var largest = shard.Books.Max(b => b.Stride);
        var step = Math.Max(1, maxFrames / largest) * largest;
        for (var i = 0; i < shard.Items.Count; i++)
            // Even pieces: a recording just over the limit must not leave a stub.
            for (int frames = shard.Items[i].Frames, pieces = (frames + step - 1) / step, n = 0, start = 0; n < pieces; n++)
            {
                var end = n == pieces - 1 ? frames : (int)((long)frames * (n + 1) / pieces / largest * largest);
                if (end > start)
                    _stretches.Add((shard, i, start, end - start));
                start = end;
            }
    }
}
