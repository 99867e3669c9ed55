using System.Globalization;
using Codec.Core.Checkpoints;

namespace Codec.Core.Layers.Seanet;

/// <summary>Reads the sizes of a SEANet encoder off the keys and shapes of its weights (folded, under our keys).</summary>
public static class SeanetShapes
{
    /// <param name="checkpoint">Canonical keys: prefix + "model.N.*".</param>
    /// <param name="prefix">E.g. "encoder.".</param>
    /// <returns>All that shapes can say; causality and padding mode stay at their defaults. Null where this is no SEANet encoder.</returns>
    public static SeanetConfig? Read(Checkpoint checkpoint, string prefix = "encoder.")
    {
        var start = prefix + "model.";
        var layers = checkpoint.Tensors.Values.Where(t => t.Name.StartsWith(start, StringComparison.Ordinal))
            .GroupBy(t => t.Name[start.Length..].Split('.')[0])
            .Where(g => int.TryParse(g.Key, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            .OrderBy(g => int.Parse(g.Key, CultureInfo.InvariantCulture))
            .Select(g => new LayerShapes(g, start + g.Key + ".")).ToArray();
        var convs = layers.Where(l => l.Conv is { Count: 3 }).Select(l => l.Conv!).ToArray();
        if (convs.Length < 3)
            return null;
        var units = layers.Where(l => l.Inner is { Count: 3 }).ToArray();
        var ratios = convs[1..^1].Select(c => (int)(c[2] / 2)).Reverse().ToArray();
        var lstm = layers.FirstOrDefault(l => l.LstmLayers > 0);
        return new SeanetConfig
        {
            Channels = (int)convs[0][1], Filters = (int)convs[0][0], Kernel = (int)convs[0][2],
            Dimension = (int)convs[^1][0], LastKernel = (int)convs[^1][2], Ratios = ratios,
            ResidualLayers = ratios.Length == 0 ? 0 : units.Length / ratios.Length,
            ResidualKernel = units.Length > 0 ? (int)units[0].Inner![2] : 3,
            Compress = units.Length > 0 ? (int)(units[^1].Inner![1] / Math.Max(units[^1].Inner![0], 1)) : 2, // of the widest: narrow ones are rounded
            TrueSkip = units.Length > 0 && !units[0].HasShortcut,
            LstmLayers = lstm?.LstmLayers ?? 0, BidirectionalLstm = lstm?.Bidirectional ?? false,
            TimeGroupNorm = layers.Any(l => l.HasNorm),
        };
    }

    private sealed class LayerShapes
    {
        public LayerShapes(IEnumerable<CheckpointTensor> tensors, string prefix)
        {
            var shapes = tensors.ToDictionary(t => t.Name[prefix.Length..], t => t.Shape);
            Conv = shapes.GetValueOrDefault("conv.conv.weight");
            Inner = shapes.GetValueOrDefault("block.1.conv.conv.weight");
            HasShortcut = shapes.ContainsKey("shortcut.conv.conv.weight");
            HasNorm = shapes.ContainsKey("conv.norm.weight");
            LstmLayers = Enumerable.Range(0, 16).TakeWhile(l => shapes.ContainsKey($"lstm.weight_ih_l{l}")).Count();
            Bidirectional = shapes.ContainsKey("lstm.weight_ih_l0_reverse");
        }

        public IReadOnlyList<long>? Conv { get; }

        public IReadOnlyList<long>? Inner { get; }

        public bool HasShortcut { get; }

        public bool HasNorm { get; }

        public int LstmLayers { get; }

        public bool Bidirectional { get; }
    }
}
