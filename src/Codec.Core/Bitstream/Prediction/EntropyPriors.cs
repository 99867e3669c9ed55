using System.Collections.Concurrent;

namespace Codec.Core.Bitstream.Prediction;

/// <summary>
/// The trained tables at hand: those that came with the library (Pretrained/*.cdp), and what the program adds.
/// New tables never take the place of old ones: files name theirs.
/// </summary>
public static class EntropyPriors
{
    private static readonly ConcurrentDictionary<uint, EntropyPrior> Known = new();
    private static readonly ConcurrentDictionary<uint, EntropyPrior> Preferred = new(); // by the codes that they predict
    private static readonly ConcurrentDictionary<uint, LowbandPrior> Lowbands = new();        // likewise, of low bands
    private static readonly Lazy<bool> Bundled = new(LoadBundled);

    /// <summary>Makes tables known, e.g. those beside a model of one's own. New files of their codes are written with them.</summary>
    public static void Add(EntropyPrior prior)
    {
        _ = Bundled.Value;
        Known[prior.Id] = prior;
        if (prior is LowbandPrior lowband)
            Lowbands[prior.TokenHash] = lowband;
        else
            Preferred[prior.TokenHash] = prior;
    }

    /// <summary>The tables that a file names; null if they are not here.</summary>
    public static EntropyPrior? Find(uint id)
    {
        _ = Bundled.Value;
        return Known.GetValueOrDefault(id);
    }

    /// <summary>The tables with which new files are written, but for those of low bands; null if there are none.</summary>
    /// <param name="tokenHash">First bytes of <see cref="CodecInfo.TokenHash"/>; 0 finds nothing.</param>
    public static EntropyPrior? For(uint tokenHash)
    {
        _ = Bundled.Value;
        return tokenHash == 0 ? null : Preferred.GetValueOrDefault(tokenHash);
    }

    /// <summary>The tables with which new files of these codes with a low band are written; null if there are none.</summary>
    /// <param name="tokenHash">As in <see cref="For(uint)"/>.</param>
    public static LowbandPrior? Lowband(uint tokenHash)
    {
        _ = Bundled.Value;
        return tokenHash == 0 ? null : Lowbands.GetValueOrDefault(tokenHash);
    }

    /// <summary>The tables with which new files of some books are written; null if there are none.</summary>
    /// <param name="tokenHash">As in <see cref="For(uint)"/>.</param>
    /// <param name="books">Perhaps with a low band.</param>
    public static EntropyPrior? For(uint tokenHash, IReadOnlyList<CodebookSpec> books)
        => Lowband(tokenHash) is { } lowband && lowband.Fits(books) ? lowband : For(tokenHash);

    private static bool LoadBundled()
    {
        var assembly = typeof(EntropyPriors).Assembly;
        // Several for the same codes: the first name is the one to write with, the others keep old files readable.
        foreach (var name in assembly.GetManifestResourceNames().Where(name => name.EndsWith(".cdp", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using var stream = assembly.GetManifestResourceStream(name)!;
            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            var prior = EntropyPrior.Parse(bytes);
            Known[prior.Id] = prior;
            if (prior is LowbandPrior lowband)
                Lowbands.TryAdd(prior.TokenHash, lowband);
            else
                Preferred.TryAdd(prior.TokenHash, prior);
        }
        return true;
    }
}
