using System.Collections.Concurrent;

namespace Codec.Core.Bitstream.Prediction;

/// <summary>The trained tables at hand: those that came with the library (Pretrained/*.cdp), and what the program adds.</summary>
public static class EntropyPriors
{
    private static readonly ConcurrentDictionary<(uint WeightHash, ushort Id), NeuralPrior> All = new();
    private static readonly Lazy<bool> Bundled = new(LoadBundled);

    /// <summary>Makes tables known, e.g. those beside a model of one's own.</summary>
    public static void Add(NeuralPrior prior) => All[(prior.WeightHash, prior.Id)] = prior;

    /// <summary>The tables for some weights; null if there are none.</summary>
    /// <param name="weightHash">As in file headers.</param>
    /// <param name="id">Exactly these tables; null: any.</param>
    public static NeuralPrior? Find(uint weightHash, ushort? id = null)
    {
        _ = Bundled.Value;
        if (id is { } wanted)
            return All.GetValueOrDefault((weightHash, wanted));
        // Several tables for one model differ in what they were trained on only; any choice is right, but always the same one.
        return All.Where(entry => entry.Key.WeightHash == weightHash).OrderBy(entry => entry.Key.Id).Select(entry => entry.Value).FirstOrDefault();
    }

    private static bool LoadBundled()
    {
        var assembly = typeof(EntropyPriors).Assembly;
        foreach (var name in assembly.GetManifestResourceNames().Where(name => name.EndsWith(".cdp", StringComparison.Ordinal)))
        {
            using var stream = assembly.GetManifestResourceStream(name)!;
            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            Add(NeuralPrior.Parse(bytes));
        }
        return true;
    }
}
